"""`store status` and `store migrate`: what they tell, and one clear line for what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from trading_platform.bootstrap import Platform
from trading_platform.cli import app, log_apart
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.domain.store_write import CandleBatch
from trading_platform.ports.series_store import SeriesStore
from trading_platform.runtime import store_migration, store_status
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.runtime.store_migration import migrate_store
from trading_platform.runtime.store_status import show_store_status
from trading_platform.settings import Settings
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes
from trading_platform_tests.support.influx import Fault
from trading_platform_tests.support.influx.sites import InfluxSite, influx_stand_in
from trading_platform_tests.support.plain_settings import plain_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def site() -> Iterator[InfluxSite]:
    with influx_stand_in() as entered:
        yield entered


@pytest.fixture(autouse=True)
def usual_logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def platform(site: InfluxSite, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """The commands' platform: its servers without the processes around them."""
    made = Platform(_settings(site, database_url, "influxdb"))
    for module in (store_status, store_migration):
        monkeypatch.setattr(module, "attach", lambda settings: (made, StateFolder.at(tmp_path), None))
    return made


def _settings(site: InfluxSite, database_url: str, kind: str) -> Settings:
    influx: dict[str, Any] = {
        "url": site.url,
        "token": site.token,
        "org": site.org,
        "bucket": site.bucket,
        "candle_days": 0,
        "retry_seconds": 0,
    }
    return plain_settings(
        store={"kind": kind}, influxdb=influx, servers={"database": database_url}, replay={"folder": "."}
    )


def _write(store: SeriesStore, *numbers: int) -> None:
    store.write_candles(SYMBOL, MINUTE, [candle(n) for n in numbers], source="rest", received_at=START)


def _status(platform: Platform, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    log_apart()
    code = show_store_status(platform.settings, as_json=True)
    return code, json.loads(capsys.readouterr().out)


def test_the_status_tells_what_is_where(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    _write(platform.store, 0, 1, 5)
    code, seen = _status(platform, capsys)
    assert code == 0
    assert seen["kind"] == "influxdb"
    assert "contract_replay" in seen["place"]
    found = {series["symbol"]: series for series in seen["series"]}
    assert found[SYMBOL]["candles"] == 3
    assert (found[SYMBOL]["oldest"], found[SYMBOL]["newest"]) == (minutes(0).isoformat(), minutes(5).isoformat())
    assert found["ETH/USDT"]["candles"] == 0
    assert (seen["spool"]["rows"], seen["breaker"]) == (0, "closed")
    assert show_store_status(platform.settings, as_json=False, symbols=["bnb/usdt"]) == 0
    assert "BNB/USDT" in (told := capsys.readouterr().out)
    assert SYMBOL not in told
    assert show_store_status(platform.settings, as_json=False) == 0
    assert "Spool: 0 writes with 0 points wait" in capsys.readouterr().out


def test_the_status_tells_of_an_outage(
    platform: Platform, site: InfluxSite, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.stand_in
    for path in ("/api/v2/write", "/api/v2/query"):
        site.stand_in.faults.always(path, Fault(status=503))
    _write(platform.store, 0, 1, 2)
    capsys.readouterr()
    code, seen = _status(platform, capsys)
    assert code == 1
    assert seen["series"] is None
    assert "503" in seen["trouble"]
    assert (seen["spool"]["rows"], seen["spool"]["points"]) == (1, 3)
    assert seen["breaker"] == "open"
    assert show_store_status(platform.settings, as_json=False) == 1
    told = capsys.readouterr().out
    assert "1 writes with 3 points wait, the oldest since" in told
    assert "Circuit breaker of this command: open" in told


def test_the_status_tells_whether_the_platforms_processes_leave_the_store_alone(
    platform: Platform, site: InfluxSite, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADING_PLATFORM_PROCESS", "stream")
    stream = Platform(platform.settings)
    assert site.stand_in
    for path in ("/api/v2/write", "/api/v2/query"):
        site.stand_in.faults.always(path, Fault(status=503))
    for number in range(3):
        _write(stream.store, number)
    capsys.readouterr()
    with monkeypatch.context() as command:
        command.delenv("TRADING_PLATFORM_PROCESS")
        code, seen = _status(platform, capsys)
        show_store_status(platform.settings, as_json=False)
    assert code == 1
    assert [(each["process"], each["state"] == "closed") for each in seen["breakers"]] == [("stream", False)]
    assert re.search(r"of stream: (open|half-open) since [\d:]+ UTC", capsys.readouterr().out)


def test_the_way_there_and_back(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    _write(platform.postgres_store, *range(0, 3000, 10))
    assert migrate_store(platform.settings, "postgres", "influxdb", []) == 0
    told = capsys.readouterr().out
    assert f"{SYMBOL} 1m: 300 candles: 300 new, 0 corrected, 0 unchanged" in told
    assert "verified: the same 300 in both, sha256" in told
    assert platform.influx_store.candles(SYMBOL, MINUTE) == platform.postgres_store.candles(SYMBOL, MINUTE)
    assert migrate_store(platform.settings, "influxdb", "postgres", [SYMBOL.lower()]) == 0
    told = capsys.readouterr().out
    assert "0 new, 0 corrected, 300 unchanged" in told
    assert 'set store.kind = "postgres"' in told


def test_what_waits_is_sent_before_anything_is_moved(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    platform.spool.append(CandleBatch(SYMBOL, MINUTE, (candle(0),), "rest", START), START)
    assert migrate_store(platform.settings, "influxdb", "postgres", []) == 0
    assert platform.postgres_store.candles(SYMBOL, MINUTE) == [candle(0)]

    platform.spool.append(CandleBatch(SYMBOL, MINUTE, (candle(1),), "rest", START), START)
    monkeypatch.setattr(platform.spooling_store, "catch_up", lambda seconds: False)
    with pytest.raises(RetryLater, match="1 points still wait for InfluxDB"):
        migrate_store(platform.settings, "influxdb", "postgres", [])


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [("postgres", "postgres", "name two different stores"), ("mysql", "influxdb", "'mysql' is no store")],
)
def test_wrong_stores_are_one_line(platform: Platform, source: str, target: str, told: str) -> None:
    with pytest.raises(FixSettings, match=told):
        migrate_store(platform.settings, source, target, [])


def test_without_a_running_platform_one_line_says_what_to_do(tmp_path: Path) -> None:
    settings = plain_settings(state_dir=tmp_path)
    with pytest.raises(FixSettings, match="start it with: trading-platform up"):
        show_store_status(settings, as_json=False)
    with pytest.raises(FixSettings, match="start it with: trading-platform up"):
        migrate_store(settings, "postgres", "influxdb", [])


def test_the_command_line_knows_both() -> None:
    told = CliRunner().invoke(app, ["store", "--help"]).output
    assert "status" in told
    assert "migrate" in told
