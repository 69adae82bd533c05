"""The table of processes, as the supervisor and Dagster read it."""

from __future__ import annotations

import configparser
import importlib.util
import shlex
import sys
from pathlib import Path

import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config

from trading_platform.runtime.addresses import resolve_addresses
from trading_platform.runtime.dagster_home import write_dagster_home
from trading_platform.runtime.endpoints import choose_endpoints
from trading_platform.runtime.environment import child_environment
from trading_platform.runtime.processes import PROCESSES, Site, wanted_processes
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.runtime.supervision import render_config
from trading_platform.settings import load_settings


@pytest.fixture
def site(tmp_path: Path) -> Site:
    state = StateFolder.at(tmp_path / "50 % of it")
    state.prepare()
    choose_endpoints(state)
    settings = load_settings()
    return Site(settings, state, resolve_addresses(settings, state))


@pytest.mark.parametrize("name", PROCESSES)
def test_commands_can_be_executed(site: Site, name: str) -> None:
    program, *arguments = PROCESSES[name].command(site)

    assert Path(program).is_file()
    if program == sys.executable:
        assert arguments[0] == "-m"
        assert importlib.util.find_spec(arguments[1]) is not None


def test_no_password_stands_on_a_command_line(site: Site) -> None:
    endpoints = choose_endpoints(site.state)
    secrets = (endpoints.postgres_password, endpoints.supervisor_password, endpoints.simulator_api_secret)

    for process in PROCESSES.values():
        assert not any(secret in word for secret in secrets for word in process.command(site))


def test_servers_listen_on_loopback_only(site: Site) -> None:
    for name, process in PROCESSES.items():
        assert not any("0.0.0.0" in word for word in process.command(site)), name
    assert "listen_addresses=127.0.0.1" in PROCESSES["postgres"].command(site)


def test_supervisor_runs_each_by_the_command_that_docker_uses(site: Site) -> None:
    processes = wanted_processes(site.settings)
    config = configparser.ConfigParser(interpolation=None)
    config.read_string(render_config(site.state, choose_endpoints(site.state), processes))

    for process in processes:
        program = config[f"program:{process.name}"]
        assert shlex.split(program["command"])[-2:] == ["run", process.name]
        assert program["autorestart"] == "true"
        assert int(program["stdout_logfile_backups"]) * int(program["stdout_logfile_maxbytes"]) < 50_000_000
    assert config["inet_http_server"]["port"].startswith("127.0.0.1:")


@pytest.mark.parametrize("launcher", ["celery", "subprocess"])
def test_dagster_accepts_its_instance_file(site: Site, launcher: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings({"orchestration": {"launcher": launcher}})
    write_dagster_home(settings, site.state)
    for name, value in child_environment(settings, site.state, site.addresses).items():
        monkeypatch.setenv(name, value)

    config, custom_class = dagster_instance_config(str(site.state.dagster_home))

    assert custom_class is None
    assert ("run_launcher" in config) == (launcher == "celery")
    assert [process.name for process in wanted_processes(settings) if process.name.startswith("worker")] == (
        ["worker-market", "worker-trading"] if launcher == "celery" else []
    )


def test_external_servers_are_not_started(site: Site) -> None:
    url = "postgresql://u:p@db:5432/x"
    settings = load_settings(
        {"servers": {"database": url, "dagster_database": url, "simulator": "http://sim:1", "broker": "amqp://mq//"}}
    )

    assert {"postgres", "simulator"}.isdisjoint(process.name for process in wanted_processes(settings))
    assert resolve_addresses(settings, site.state).broker == "amqp://mq//"


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, True),
        ({"venue": {"market_data": "rest"}}, False),
        ({"replay": {"folder": "candles", "speed": 60}}, True),
        ({"replay": {"folder": "candles", "step": True}}, False),
    ],
)
def test_streams_are_listened_to_unless_told_otherwise(settings: dict[str, object], wanted: bool) -> None:
    names = [process.name for process in wanted_processes(load_settings(settings))]

    assert ("stream" in names) is wanted


def test_the_workspace_names_the_code_location(site: Site) -> None:
    write_dagster_home(site.settings, site.state)
    [location] = yaml.safe_load((site.state.dagster_home / "workspace.yaml").read_text())["load_from"]
    environment = child_environment(site.settings, site.state, site.addresses)

    server = location["grpc_server"]
    assert environment[server["host"]["env"]] == "127.0.0.1"
    assert environment[server["port"]["env"]] == str(site.addresses.code_location[1])
