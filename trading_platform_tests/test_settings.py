"""The settings file: documented completely, validated at start, one clear line per mistake."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from trading_platform.domain.errors import FixSettings
from trading_platform.settings import (
    Section,
    Settings,
    current_settings,
    load_settings,
    pinned,
    process_name,
    settings_trouble,
    settings_waiting,
    usable_settings,
)

DOCUMENTED = Path(__file__).parent.parent / "settings.toml"


@pytest.fixture(autouse=True)
def _no_settings_of_this_computer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("URL", "TOKEN", "ORG"):
        monkeypatch.delenv(f"INFLUXDB_V2_{name}", raising=False)


def _uncommented() -> str:
    """The documented file with every default in force; settings without a default stay out."""
    lines = DOCUMENTED.read_text().splitlines()
    return "\n".join(re.sub(r"^# (?=[a-z_]+ = \S|\[\[)", "", line) for line in lines)


def test_the_documented_file_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_PLATFORM_SETTINGS_FILE", str(DOCUMENTED))
    with_file = load_settings()
    monkeypatch.delenv("TRADING_PLATFORM_SETTINGS_FILE")
    assert with_file == load_settings()


def test_the_documented_defaults_are_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    defaults = load_settings()
    (tmp_path / "settings.toml").write_text(_uncommented())
    assert load_settings() == defaults


def test_every_setting_is_documented() -> None:
    text = DOCUMENTED.read_text()
    for section, field in Settings.model_fields.items():
        for name in getattr(type(field.default), "model_fields", {}):
            part = text.partition(f"[{section}]")[2].partition("\n[")[0]
            assert re.search(rf"^# {name} =", part, re.MULTILINE), f"{section}.{name}"


def test_environment_wins_over_file_and_flags_over_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[risk]\nmax_open_positions = 2\n")
    assert load_settings().risk.max_open_positions == 2
    monkeypatch.setenv("TRADING_PLATFORM_RISK__MAX_OPEN_POSITIONS", "4")
    assert load_settings().risk.max_open_positions == 4
    assert load_settings({"risk": {"max_open_positions": 5}}).risk.max_open_positions == 5


def test_a_changed_file_counts_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[risk]\nmax_open_positions = 2\n")
    before = current_settings()
    assert current_settings() is before
    file.write_text("[risk]\nmax_open_positions = 1\n")
    os.utime(file, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns + 1_000_000))
    assert current_settings().risk.max_open_positions == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[risk]\nmax_open_position = 2\n", "risk.max_open_position: no such setting"),
        ("[risk]\nfraction_of_equity = 1.5\n", "risk.fraction_of_equity"),
        ('[market]\nsymbols = ["BTCUSDT"]\n', "BASE/QUOTE"),
        ('[market]\nintervals = ["7m"]\n', "'7m' is not an interval"),
        ('[market]\nintervals = ["7m", "8m"]\n', "'8m' is not an interval"),
        ('[account]\nmode = "live"\n', "needs venue.name = 'binance'"),
        ('[account]\nmode = "live"\n[venue]\nname = "binance"\n', "needs venue.api_key and venue.api_secret"),
        ("[replay]\nspeed = 60\n", "--replay FOLDER"),
        ('[venue]\nname = "binance"\n[replay]\nfolder = "x"\n', "replay.folder needs venue.name = 'simulated'"),
        (
            '[store]\nkind = "influxdb"\n',
            "needs influxdb.url, influxdb.token, influxdb.org: set TRADING",
        ),
        ('[influxdb]\nurl = "localhost:8086"\n', "influxdb.url: 'localhost:8086' must begin with http:// or https://"),
        ('[influxdb]\nbucket = "a b"\n', "influxdb.bucket"),
        ("[risk\n", "settings.toml"),
        (
            '[market]\nintervals = ["1m", "5m"]\n'
            '[[strategies]]\nname = "trend_following"\n'
            '[[strategies]]\nname = "trend_following"\ninterval = "5m"\n',
            "strategies: trend_following stands there more than once",
        ),
        ('[market]\nsymbols = ["BTC/USDT", "BTC/USDT"]\n', "market.symbols: BTC/USDT stands there more than once"),
        ('[market]\nintervals = ["1m", "1m"]\n', "market.intervals: 1m stands there more than once"),
        (
            "[risk]\nposition_share_tiers = []\n",
            "risk: position_share_tiers: the last tier, and no other, must have no",
        ),
        ("[[risk.position_share_tiers]]\nbelow_equity_quote = 100\nshare = 0.8\n", "must have no below_equity_quote"),
        (
            "[risk]\nposition_share_tiers = [{below_equity_quote = 1000, share = 0.3}, "
            "{below_equity_quote = 100, share = 0.8}, {share = 0.1}]\n",
            "below_equity_quote must rise from tier to tier",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_it(tmp_path: Path, content: str, expected: str) -> None:
    (tmp_path / "settings.toml").write_text(content)
    with pytest.raises(FixSettings) as mistake:
        load_settings()
    assert expected in str(mistake.value)
    assert "\n" not in str(mistake.value)
    assert "at least 1 item" not in str(mistake.value)  # only follows from a wrong one


def _floats() -> list[Any]:
    """Sections and names of the settings that are numbers with a point."""
    return [
        pytest.param(section, name, id=f"{section}.{name}")
        for section, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
        for name, each in field.annotation.model_fields.items()
        if each.annotation is float
    ]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e300"])
@pytest.mark.parametrize(("section", "name"), _floats())
def test_nothing_is_endless_or_no_number(section: str, name: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(f"[{section}]\n{name} = {value}\n")
    with pytest.raises(FixSettings, match=rf"{section}\.{name}"):
        load_settings()


@pytest.mark.parametrize(
    ("mistake", "account", "ports"),
    [
        ('[risk]\nmax_open_positions = "many"\n', "mine", 3456),
        ("[rsik]\nmax_open_positions = 2\n", "mine", 3456),
        ("[replay]\nspeed = 60\n", "main", 3000),  # no one section's mistake
        ("[risk\n", "main", 3000),
    ],
)
def test_a_mistake_keeps_nobody_from_the_kill_switch(tmp_path: Path, mistake: str, account: str, ports: int) -> None:
    (tmp_path / "settings.toml").write_text(f'[account]\nname = "mine"\n[orchestration]\nui_port = 3456\n{mistake}')
    settings, trouble = usable_settings()

    assert (settings.account.name, settings.orchestration.ui_port) == (account, ports)
    assert trouble
    (tmp_path / "settings.toml").unlink()
    assert usable_settings() == (load_settings(), "")
    assert settings.risk == load_settings().risk


def test_what_the_environment_has_wrong_is_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_PLATFORM_RISK__MAX_OPEN_POSITIONS", "many")
    with pytest.raises(FixSettings, match=r"risk\.max_open_positions"):
        usable_settings()


def test_influxdb_may_be_named_by_its_own_clients_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in (("URL", "http://other:8086"), ("TOKEN", "theirs"), ("ORG", "theirs")):
        monkeypatch.setenv(f"INFLUXDB_V2_{name}", value)
    (tmp_path / "settings.toml").write_text('[store]\nkind = "influxdb"\n[influxdb]\norg = "mine"\n')
    monkeypatch.setenv("TRADING_PLATFORM_INFLUXDB__TOKEN", "mine")

    influx = load_settings().influxdb

    assert (influx.url, influx.org, influx.secret_token()) == ("http://other:8086", "mine", "mine")


@pytest.mark.parametrize(
    ("given", "arguments", "name"),
    [
        ("stream", ["/bin/trading-platform", "run"], "stream"),
        ("", ["/bin/trading-platform", "sizing", "--json"], "trading-platform sizing, process {pid}"),
        ("", ["/bin/python", "-m"], "process {pid}"),
    ],
)
def test_a_command_is_named_by_what_was_asked_of_it(
    monkeypatch: pytest.MonkeyPatch, given: str, arguments: list[str], name: str
) -> None:
    monkeypatch.setenv("TRADING_PLATFORM_PROCESS", given)
    monkeypatch.setattr("sys.argv", arguments)
    assert process_name() == name.format(pid=os.getpid())


def test_secrets_show_nowhere() -> None:
    settings = load_settings(
        {"alerts": {"urls": ["mailto://me:hunter2@example.org"]}, "influxdb": {"token": "hunter2"}}
    )
    for text in (repr(settings), str(settings.model_dump()), settings.model_dump_json(), settings.fingerprint()):
        assert "hunter2" not in text


def test_the_limits_by_account_size_are_those_of_the_design() -> None:
    tiers = load_settings().risk.position_share_tiers
    assert [(tier.below_equity_quote, str(tier.share)) for tier in tiers] == [
        (100, "0.80"),
        (1000, "0.30"),
        (None, "0.10"),
    ]


@pytest.mark.parametrize("broken", ["[risk\n", "[risk]\nmax_open_positions = 0\n"])
def test_a_file_broken_while_running_leaves_the_last_good_settings(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[risk]\nmax_open_positions = 2\n")
    before = current_settings()
    assert settings_trouble() == ""

    _rewrite(file, broken)
    assert current_settings() is current_settings() is before
    assert "risk" in settings_trouble() or "settings.toml" in settings_trouble()

    _rewrite(file, "[risk]\nmax_open_positions = 1\n")
    assert current_settings().risk.max_open_positions == 1
    assert settings_trouble() == ""


def test_which_market_and_whose_money_count_from_the_next_start_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[risk]\nmax_open_positions = 2\n")
    monkeypatch.setenv("TRADING_PLATFORM_PINNED", pinned(load_settings()))
    before = current_settings()
    assert settings_waiting() == ""
    for name in ("API_KEY", "API_SECRET"):
        monkeypatch.setenv(f"TRADING_PLATFORM_VENUE__{name}", "x")

    live = '[account]\nname = "real"\nmode = "live"\n[venue]\nname = "binance"\n[risk]\nmax_open_positions = 1\n'
    _rewrite(file, live)
    now = current_settings()
    assert (now.account, now.venue.name, now.replay) == (before.account, before.venue.name, before.replay)
    assert now.risk.max_open_positions == 1
    assert settings_waiting() == "account.name, account.mode, venue.name"

    _rewrite(file, "[replay]\nfolder = 'nowhere'\nspeed = 60\n[store]\nkind = 'influxdb'\n")
    assert current_settings().replay.folder is None
    assert "a start would refuse them" in settings_waiting()  # an InfluxDB without its address

    monkeypatch.delenv("TRADING_PLATFORM_PINNED")  # as a start reads them
    _rewrite(file, live)
    assert (current_settings().account.mode, settings_waiting()) == ("live", "")


def test_a_replay_stays_the_replay_that_was_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started = load_settings({"replay": {"folder": str(tmp_path), "speed": 60}})
    monkeypatch.setenv("TRADING_PLATFORM_PINNED", pinned(started))
    assert load_settings().replay == started.replay


def test_a_file_that_vanishes_while_running_leaves_the_last_good_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "named.toml"
    file.write_text("[risk]\nmax_open_positions = 2\n")
    monkeypatch.setenv("TRADING_PLATFORM_SETTINGS_FILE", str(file))
    before = current_settings()

    moved = file.rename(tmp_path / "moved.toml")
    assert current_settings() is before
    assert "not a file" in settings_trouble()

    moved.rename(file)
    assert current_settings() == before
    assert settings_trouble() == ""


def _rewrite(file: Path, content: str) -> None:
    changed_at = file.stat().st_mtime_ns + 1_000_000
    file.write_text(content)
    os.utime(file, ns=(changed_at, changed_at))
