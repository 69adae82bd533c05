"""The state folder and what is remembered in it."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path

import pytest

from trading_platform.domain.errors import FixSettings
from trading_platform.runtime import instance
from trading_platform.runtime.endpoints import LOOPBACK, choose_endpoints, port_is_free, required_endpoints
from trading_platform.runtime.flags import remember_flags, settings_of_instance
from trading_platform.runtime.market_identity import claim_market
from trading_platform.runtime.state_folder import StateFolder, write_private_json
from trading_platform.runtime.up import run_up
from trading_platform.settings import load_settings


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    folder = StateFolder.at(tmp_path / "state")
    folder.prepare()
    return folder


def test_secrets_are_the_owners_alone(state: StateFolder) -> None:
    choose_endpoints(state)

    assert stat.S_IMODE(state.endpoints_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.logs.stat().st_mode) == 0o700


def test_a_failed_write_keeps_the_old_content(state: StateFolder) -> None:
    path = state.root / "kept.json"
    write_private_json(path, {"a": 1})

    with pytest.raises(TypeError):
        write_private_json(path, {"a": object()})

    assert json.loads(path.read_text()) == {"a": 1}
    assert [entry.name for entry in state.root.iterdir() if "kept" in entry.name] == ["kept.json"]


def test_endpoints_are_remembered(state: StateFolder) -> None:
    chosen = choose_endpoints(state)

    assert choose_endpoints(state) == chosen
    assert required_endpoints(state) == chosen
    ports = {chosen.postgres_port, chosen.simulator_port, chosen.code_location_port, chosen.supervisor_port}
    assert len(ports) == 4


def test_passwords_are_in_no_repr(state: StateFolder) -> None:
    chosen = choose_endpoints(state)

    assert chosen.postgres_password not in repr(chosen)
    assert chosen.simulator_api_secret not in repr(chosen)


def test_a_port_that_a_stranger_took_is_replaced_alone(state: StateFolder) -> None:
    before = choose_endpoints(state)
    with socket.create_server((LOOPBACK, before.postgres_port)):
        after = choose_endpoints(state)

    assert after.postgres_port != before.postgres_port
    assert port_is_free(LOOPBACK, after.postgres_port)
    assert after.simulator_port == before.simulator_port
    assert after.postgres_password == before.postgres_password


def test_a_damaged_file_is_not_replaced(state: StateFolder) -> None:
    state.endpoints_file.write_text("{")

    with pytest.raises(FixSettings, match="restore it"):
        choose_endpoints(state)

    assert state.endpoints_file.read_text() == "{"


def test_nothing_started_yet_is_told(state: StateFolder) -> None:
    with pytest.raises(FixSettings, match="trading-platform up"):
        required_endpoints(state)


def test_a_folder_belongs_to_its_market(state: StateFolder, tmp_path: Path) -> None:
    synthetic = load_settings()
    claim_market(synthetic, state)
    claim_market(synthetic, state)

    for other in (
        {"venue": {"name": "kraken"}},
        {"simulator": {"seed": synthetic.simulator.seed + 1}},
        {"replay": {"folder": str(tmp_path)}},
    ):
        with pytest.raises(FixSettings, match="--state-dir"):
            claim_market(load_settings(other), state)


def test_a_start_that_is_refused_binds_the_folder_to_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = load_settings({"state_dir": str(tmp_path), "orchestration": {"ui_port": port}})
        state = StateFolder.at(settings.state_dir)
        state.prepare()
        with pytest.raises(FixSettings, match="in use"):
            instance.start(settings, lambda _: None)
    assert not state.market_file.exists()


def test_a_venue_that_there_is_not_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"VENUE__NAME": "binanc", "STATE_DIR": str(tmp_path / "new")}.items():
        monkeypatch.setenv(f"TRADING_PLATFORM_{name}", value)
    with pytest.raises(FixSettings, match="binanc"):
        run_up({}, detach=True)
    assert not (tmp_path / "new").exists()


def test_pace_of_a_replay_is_not_part_of_the_market(state: StateFolder, tmp_path: Path) -> None:
    claim_market(load_settings({"replay": {"folder": str(tmp_path), "speed": 60}}), state)
    claim_market(load_settings({"replay": {"folder": str(tmp_path), "step": True}}), state)


def test_flags_of_up_hold_for_who_looks_at_it(state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ORCHESTRATION__UI_PORT", "VENUE__NAME", "STATE_DIR"):
        monkeypatch.setenv(f"TRADING_PLATFORM_{name}", "")
        monkeypatch.delenv(f"TRADING_PLATFORM_{name}")
    remember_flags(state, {"ORCHESTRATION__UI_PORT": 3456, "VENUE__NAME": None})

    seen = settings_of_instance(state.root)

    assert seen.orchestration.ui_port == 3456
    assert seen.venue.name == load_settings().venue.name
    assert StateFolder.at(seen.state_dir) == state
