"""docker/ starts the very processes of the table, and publishes nothing beyond the host's loopback."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from trading_platform.runtime.addresses import resolve_addresses
from trading_platform.runtime.processes import PROCESSES, wanted_processes
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.settings import load_settings

PROJECT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((PROJECT / "docker" / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "trading-platform"}
CHOSEN = dict(re.findall(r"^(\w+)=(\S+)$", (PROJECT / "docker" / "example.env").read_text(), re.MULTILINE))


@pytest.fixture
def in_container(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in COMPOSE["x-platform"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{(\w+):\?\}", lambda found: CHOSEN.get(found[1], found[1]), value))


@pytest.mark.usefixtures("in_container")
def test_every_process_that_is_not_an_image_of_its_own_has_a_service() -> None:
    started = {service["command"][1] for service in OURS.values() if service["command"][0] == "run"}

    assert started == {process.name for process in wanted_processes(load_settings())} | {"simulator"}
    assert started < set(PROCESSES)
    assert OURS["migrate"]["command"] == ["migrate"]


@pytest.mark.usefixtures("in_container")
def test_the_environment_names_every_address(tmp_path: Path) -> None:
    addresses = resolve_addresses(load_settings(), StateFolder.at(tmp_path))

    assert addresses.database == "postgresql://trading:POSTGRES_PASSWORD@postgres:5432/trading"
    assert addresses.results == "db+postgresql://trading:POSTGRES_PASSWORD@postgres:5432/dagster"
    assert addresses.broker == "amqp://trading:RABBITMQ_PASSWORD@rabbitmq:5672//"
    assert addresses.code_location == ("code-location", 4000)
    assert addresses.simulator.startswith("http://simulator:")


def test_hosts_in_addresses_are_services() -> None:
    values = " ".join(COMPOSE["x-platform"]["environment"].values())
    hosts = set(re.findall(r"(?:@|http://)([a-z-]+):\d+", values))

    assert hosts == {"postgres", "rabbitmq", "simulator", "webserver", "influxdb"}
    assert hosts <= set(SERVICES)


@pytest.mark.usefixtures("in_container")
def test_influxdb_is_reached_when_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().store.kind == "postgres"
    monkeypatch.setenv("TRADING_PLATFORM_STORE__KIND", "influxdb")
    chosen = load_settings().influxdb
    init = SERVICES["influxdb"]["environment"]

    assert chosen.url == "http://influxdb:8086"
    assert chosen.org == init["DOCKER_INFLUXDB_INIT_ORG"]
    assert f"${{{chosen.secret_token()}:?}}" == init["DOCKER_INFLUXDB_INIT_ADMIN_TOKEN"]
    assert SERVICES["influxdb"]["profiles"] == ["influxdb"]


def test_ports_are_published_on_loopback_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_variable_is_in_the_example() -> None:
    wanted = set(re.findall(r"\$\{(\w+)", (PROJECT / "docker" / "compose.yaml").read_text()))
    offered = set(re.findall(r"^(\w+)=", (PROJECT / "docker" / "example.env").read_text(), re.MULTILINE))

    assert wanted == offered


def test_what_the_image_copies_exists() -> None:
    lines = (PROJECT / "docker" / "Dockerfile").read_text().splitlines()
    sources = [source for line in lines if line.startswith("COPY ") for source in shlex.split(line)[1:-1]]

    assert sources
    assert all((PROJECT / source).exists() for source in sources)
