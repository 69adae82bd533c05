"""Market time: live, replayed at a speed, and step by step."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.simulator.clock import ReplayClock
from trading_platform.simulator.config import ArchiveMarketConfig
from trading_platform.simulator.errors import ExchangeError, SimulatorSetupError
from trading_platform.simulator.model import ClockMode
from trading_platform_tests.simulator.exchanges import (
    ACCOUNT,
    BTC,
    MINUTE_MS,
    START_MS,
    WallClock,
    near,
    open_exchange,
    place,
)
from trading_platform_tests.support.archives import write_archive

CANDLES = 620
WARM_UP = 500


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> ArchiveMarketConfig:
    folder = tmp_path_factory.mktemp("archive")
    return ArchiveMarketConfig(write_archive(folder, CANDLES, without=range(560, 580)))


def test_a_live_market_is_at_wall_time_with_its_history_behind_it(tmp_path: Path) -> None:
    wall = WallClock()
    exchange = open_exchange(tmp_path, wall)
    state = exchange.clock_state()
    assert (state.mode, state.speed, state.now_ms, state.ends_at_ms) == (ClockMode.LIVE, 1, START_MS, None)
    closed = [k for k in exchange.klines(BTC, "1m", limit=1000) if k.closed]
    assert len(closed) == 999
    wall.move(-5000)
    assert exchange.now_ms() == START_MS
    exchange.close()


def test_a_synthetic_market_goes_on_over_a_restart_as_if_nothing_happened(tmp_path: Path) -> None:
    wall = WallClock()
    exchange = open_exchange(tmp_path, wall)
    wall.move(90 * MINUTE_MS)
    before = exchange.klines(BTC, "1m"), exchange.book(BTC), exchange.recent_trades(BTC)
    exchange.close()
    exchange = open_exchange(tmp_path, wall)
    assert (exchange.klines(BTC, "1m"), exchange.book(BTC), exchange.recent_trades(BTC)) == before
    exchange.close()


def test_a_replay_runs_at_its_speed_stands_still_while_down_and_ends(
    tmp_path: Path, archive: ArchiveMarketConfig
) -> None:
    wall = WallClock()
    exchange = open_exchange(tmp_path, wall, market=archive, speed=60.0)
    start = exchange.clock_state()
    assert start.mode is ClockMode.REPLAY
    assert start.now_ms == start.starts_at_ms
    assert len([k for k in exchange.klines(BTC, "1m", limit=1000) if k.closed]) == WARM_UP
    wall.move(10_000)
    assert exchange.now_ms() == start.now_ms + 600_000
    exchange.close()
    wall.move(3_600_000)
    exchange = open_exchange(tmp_path, wall, market=archive, speed=60.0)
    assert exchange.now_ms() == start.now_ms + 600_000
    wall.move(3_600_000)
    end = exchange.clock_state()
    assert end.finished
    assert end.now_ms == end.ends_at_ms
    assert len([k for k in exchange.klines(BTC, "1m", limit=1000) if k.closed]) == CANDLES - 20
    assert exchange.is_trading(BTC)
    exchange.close()


@given(
    st.floats(0.1, 5000),
    st.lists(st.one_of(st.integers(-2000, 5000), st.none()), max_size=60),
)
def test_a_replay_never_goes_back_whenever_it_is_killed(speed: float, events: list[int | None]) -> None:
    wall, kept, writes = WallClock(), [0], 0

    def save(position_ms: int) -> None:
        nonlocal writes
        kept[0] = position_ms
        writes += 1

    clock = ReplayClock(wall, speed, 0, None, kept[0], save)
    served = up_ms = 0
    for event in events:
        if event is None:
            clock = ReplayClock(wall, speed, 0, None, kept[0], save)
        else:
            wall.move(event)
            up_ms += max(0, event)
        now = clock.now_ms()
        assert served <= now <= kept[0]
        served = now
    kills = events.count(None)
    assert served <= (up_ms + 1000 * (kills + 1)) * speed + kills
    assert writes <= up_ms / 1000 + kills + len(events)


def test_a_replay_writes_its_position_about_once_a_second(tmp_path: Path, archive: ArchiveMarketConfig) -> None:
    wall = WallClock()
    exchange = open_exchange(tmp_path, wall, market=archive, speed=10.0)
    before = exchange._store._db.total_changes
    for _ in range(200):
        wall.move(50)
        exchange.now_ms()
    assert exchange._store._db.total_changes - before <= 11
    exchange.close()


def test_a_step_is_one_candle_and_a_repeated_one_is_none(tmp_path: Path, archive: ArchiveMarketConfig) -> None:
    wall = WallClock()
    exchange = open_exchange(tmp_path, wall, market=archive, step=True)
    start = exchange.now_ms()
    wall.move(10**7)
    assert exchange.now_ms() == start
    first = exchange.step(start)
    assert first == (start + MINUTE_MS, True, False)
    closed = [k for k in exchange.klines(BTC, "1m", limit=1000) if k.closed]
    assert len(closed) == WARM_UP + 1
    exchange._store.close()
    exchange = open_exchange(tmp_path, wall, market=archive, step=True)
    assert exchange.step(start) == (start + MINUTE_MS, False, False)
    with pytest.raises(ExchangeError, match="not yet at"):
        exchange.step(start + 2 * MINUTE_MS)
    assert exchange.step().advanced
    exchange.close()


def test_steps_leap_over_gaps_and_stop_at_the_end(tmp_path: Path, archive: ArchiveMarketConfig) -> None:
    exchange = open_exchange(tmp_path, WallClock(), market=archive, step=True)
    start, steps = exchange.now_ms(), 0
    positions = [start]
    while (result := exchange.step()).advanced:
        positions.append(result.position_ms)
        steps += 1
    assert steps == CANDLES - WARM_UP - 20
    assert max(b - a for a, b in pairwise(positions)) == 21 * MINUTE_MS
    assert result == (positions[-1], False, True)
    state = exchange.clock_state()
    assert (state.now_ms, state.finished) == (state.ends_at_ms, True)
    exchange.close()


def test_nothing_trades_inside_a_gap(tmp_path: Path, archive: ArchiveMarketConfig) -> None:
    wall = WallClock()
    exchange = open_exchange(tmp_path, wall, market=archive, speed=1.0)
    resting = place(exchange, "SELL", "LIMIT", quantity="0.01", price=near(exchange.last_price(BTC), "1.1")).order
    wall.move(65 * MINUTE_MS)
    assert not exchange.is_trading(BTC)
    with pytest.raises(ExchangeError, match="Market is closed") as raised:
        place(exchange, "BUY", "MARKET", quantity="0.01")
    assert raised.value.code == -2010
    assert exchange.klines(BTC, "1m")[-1].closed
    exchange.cancel_order(ACCOUNT, BTC, resting.order_id)
    wall.move(20 * MINUTE_MS)
    assert exchange.is_trading(BTC)
    exchange.close()


def test_a_synthetic_market_can_be_stepped_and_sped_up_too(tmp_path: Path) -> None:
    exchange = open_exchange(tmp_path, WallClock(), step=True)
    start = exchange.now_ms()
    assert [exchange.step().position_ms - start for _ in range(3)] == [MINUTE_MS, 2 * MINUTE_MS, 3 * MINUTE_MS]
    exchange.close()
    wall = WallClock()
    exchange = open_exchange(tmp_path, wall, speed=30.0)
    wall.move(2000)
    assert exchange.now_ms() == start + 4 * MINUTE_MS
    exchange.close()


def test_what_can_not_be_is_said_at_the_start(tmp_path: Path, archive: ArchiveMarketConfig) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"market": archive, "step": True, "speed": 2.0}, "not both"),
        ({"market": archive, "speed": 0.0}, "above 0"),
        ({"market": archive, "warmup_candles": 600}, "too short for 600 candles"),
        ({"balances": {"USDT": Decimal(-1)}}, "negative"),
    ]
    for changes, message in cases:
        with pytest.raises(SimulatorSetupError, match=message):
            open_exchange(tmp_path, WallClock(), **changes)


def test_what_is_shown_agrees_with_itself_at_every_moment(tmp_path: Path, archive: ArchiveMarketConfig) -> None:
    wall = WallClock()
    exchange = open_exchange(tmp_path, wall, market=archive, speed=1.0)
    for _ in range(150):
        wall.move(7777)
        now_ms, price = exchange.now_ms(), exchange.last_price(BTC)
        current = exchange.klines(BTC, "1m", limit=1)[0]
        trades = exchange.agg_trades(BTC, start_ms=current.open_time_ms, limit=1000)
        book, ticker = exchange.book(BTC, 20), exchange.ticker_24h(BTC)
        assert trades[-1].time_ms <= now_ms
        assert current.open == trades[0].price
        assert current.high == max(t.price for t in trades)
        assert current.low == min(t.price for t in trades)
        assert current.close == trades[-1].price == price == ticker.last_price
        assert current.volume == sum(t.quantity for t in trades)
        assert book.bids[0].price < price < book.asks[0].price
        assert [level.price for level in book.asks] == sorted({level.price for level in book.asks})
        assert ticker.low_price <= price <= ticker.high_price
        assert exchange.klines(BTC, "5m", limit=1)[0].close == price
    exchange.close()
