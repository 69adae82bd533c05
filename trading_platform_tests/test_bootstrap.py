"""The one composition: made when it is used, once per process, and anew when the settings change."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from trading_platform.bootstrap import Platform, platform
from trading_platform.domain.errors import FixSettings
from trading_platform.domain.request_limits import Charge, RequestLimit
from trading_platform.settings import Settings
from trading_platform_tests.support.examples import MINUTE, SYMBOL, candle, minutes
from trading_platform_tests.support.influx.sites import influx_stand_in
from trading_platform_tests.support.plain_settings import plain_settings


@pytest.fixture
def settings_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The settings file in force."""
    path = tmp_path / "settings.toml"
    path.write_text("[risk]\nmax_open_positions = 2\n")
    monkeypatch.setenv("TRADING_PLATFORM_SETTINGS_FILE", str(path))
    return path


def test_a_process_has_one_platform_until_the_settings_change(settings_file: Path) -> None:
    first = platform()
    assert platform() is first
    assert first.settings.risk.max_open_positions == 2

    settings_file.write_text("[risk]\nmax_open_positions = 1\n")
    os.utime(settings_file, ns=(1, 1))

    assert platform() is not first
    assert platform().settings.risk.max_open_positions == 1


def _identity(box: multiprocessing.SimpleQueue[int]) -> None:
    box.put(id(platform()))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="processes can't be forked here")
def test_a_forked_child_does_not_use_its_parents_connections(settings_file: Path) -> None:
    context = multiprocessing.get_context("fork")
    box = context.SimpleQueue()
    parents = id(platform())
    child = context.Process(target=_identity, args=(box,))
    child.start()

    assert box.get() != parents
    child.join()


@pytest.mark.parametrize(
    ("port", "setting"),
    [
        ("ledger", "servers.database"),
        ("store", "servers.database"),
        ("journal", "servers.database"),
        ("simulator", "servers.simulator"),
        ("clock", "servers.simulator"),
        ("feed", "servers.simulator"),
        ("broker", "servers.simulator_api_key"),
    ],
)
def test_what_a_port_misses_is_named_when_it_is_used(port: str, setting: str) -> None:
    made = Platform(plain_settings())

    with pytest.raises(FixSettings, match=setting):
        getattr(made, port)


def test_who_has_no_database_keeps_a_budget_of_its_own() -> None:
    assert Platform(plain_settings()).budget is None


def test_requests_and_candles_go_by_the_settings(database_url: str) -> None:
    made = Platform(
        plain_settings(
            servers={"database": database_url, "simulator": "http://127.0.0.1:9"},
            requests={"at_once": 3, "market_data_share": "0.5", "failures_to_pause": 2, "longest_pause_seconds": 4},
            cache={"candles": 400, "candle_check_seconds": 0, "price_seconds": 0},
        )
    )
    access = vars(made.feed)["_client"].access
    assert (access.at_once, access.market_data_share) == (3, 0.5)
    assert (access.failures_to_pause, access.longest_pause_seconds) == (2, 4)
    assert made.budget is not None
    assert made.budget.take("venue", [Charge(RequestLimit("weight", 10, 0.001), 10)], 1.0) == 0
    assert Platform(made.settings).budget.take("venue", [Charge(RequestLimit("weight", 10, 0.001), 10)], 1.0) > 0
    made.store.write_candles("BTC/USDT", MINUTE, [candle(n) for n in range(60)], source="rest", received_at=minutes(0))
    assert len(made.store.candle_frame("BTC/USDT", MINUTE, newest=50)) == 50


def test_market_data_may_be_in_influxdb_through_one_client() -> None:
    with influx_stand_in() as site:
        made = Platform(site.settings())
        made.base_store.write_candles(SYMBOL, MINUTE, [candle()], source="rest", received_at=minutes(0))

        assert made.base_store is made.influx_store
        assert made.influx_store.count_candles(SYMBOL, MINUTE) == 1
        with pytest.raises(FixSettings, match=r"servers\.database"):
            _ = made.ledger  # money is never there


def test_every_indicator_is_stored_once() -> None:
    settings: Settings = plain_settings(indicators={"extra": ("ema(12)", "rsi(14)", "atr(14)", "ema(12)")})
    made = Platform(settings)

    names = [str(spec) for spec in made.indicators]

    assert len(names) == len(set(names))
    needed = {str(spec) for placed in made.strategies for spec in placed.strategy.indicators}
    assert needed < set(names)
    assert [placed.strategy.name for placed in made.strategies] == ["trend_following", "mean_reversion"]
