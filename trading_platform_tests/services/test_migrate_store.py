"""Moving a store: exact, resumable, verified, and once more changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from trading_platform.adapters.json_migration_progress import JsonMigrationProgress
from trading_platform.adapters.postgres.series_store import PostgresSeriesStore
from trading_platform.domain.candle import Candle, Gap
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.ports.series_store import CandleWrite, SeriesStore
from trading_platform.services import migrate_store
from trading_platform.services.migrate_store import MovedSeries, count_candles, move_series, move_tickers
from trading_platform_tests.fakes import FakeClock, FakeSeriesStore
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes
from trading_platform_tests.support.influx.sites import influx_stand_in
from trading_platform_tests.support.remote_store import RemoteStore

DAY = 24 * 60


class Move:
    """A source with five days of candles, and a target."""

    def __init__(self, folder: Path, target: SeriesStore | None = None, source: SeriesStore | None = None) -> None:
        self.source, self.target = source or FakeSeriesStore(), RemoteStore(target or FakeSeriesStore())
        self.progress = JsonMigrationProgress(folder / "progress.json", "one>other")
        self.told: list[int] = []
        self.candles = [candle(minute, f"{minute}.123456789012345678") for minute in range(0, 5 * DAY, 60)]
        self.write(*self.candles[:40], source="archive")
        self.write(*self.candles[40:], source="rest")

    def write(self, *candles: Candle, source: str = "stream") -> None:
        self.source.write_candles(SYMBOL, MINUTE, candles, source=source, received_at=START)

    def go(self) -> MovedSeries:
        target: SeriesStore = self.target  # type: ignore[assignment]
        return move_series(self.source, target, FakeClock(START), SYMBOL, MINUTE, self.progress, self.told.append)


@pytest.fixture
def move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Move:
    monkeypatch.setattr(migrate_store, "CHUNK_CANDLES", 30)  # a day has 24
    return Move(tmp_path)


def test_everything_arrives_with_where_it_came_from(move: Move) -> None:
    gap = Gap(minutes(1), minutes(59), 59)
    move.source.record_gaps(SYMBOL, MINUTE, [gap], start=START, end=minutes(60), confirmed_at=minutes(7))
    move.source.write_indicators(SYMBOL, MINUTE, {minutes(60): {"rsi": 0.1}})
    done = move.go()
    assert done.is_verified
    assert (done.candles, done.write, done.gaps, done.indicators) == (120, CandleWrite(inserted=120), 1, 1)
    assert move.told == [24, 48, 72, 96, 120]
    target = move.target.store
    assert target.candles(SYMBOL, MINUTE) == move.candles
    everything = {"start": START, "end": minutes(9 * DAY)}
    assert target.sources(SYMBOL, MINUTE, **everything) == move.source.sources(SYMBOL, MINUTE, **everything)
    [moved_gap] = target.known_gaps(SYMBOL, MINUTE)
    assert (moved_gap, moved_gap.confirmed_at) == (gap, minutes(7))
    assert target.indicators(SYMBOL, MINUTE, newest=5) == {minutes(60): {"rsi": 0.1}}


def test_moving_again_changes_nothing(move: Move) -> None:
    first, again = move.go(), move.go()
    assert again.write == CandleWrite(unchanged=120)
    assert (again.checksum, again.resumed_at) == (first.checksum, None)


def test_an_interrupted_move_goes_on_where_it_stopped(move: Move) -> None:
    calls = []

    def break_off(name: str) -> None:
        calls.append(name)
        if calls.count("write_candles") == 4:
            raise RetryLater("gone")

    move.target.before_answer = break_off
    with pytest.raises(RetryLater):
        move.go()
    move.target.before_answer = lambda name: None
    assert move.progress.done_until(SYMBOL, MINUTE) == minutes(2 * DAY - 60 + 1)
    assert count_candles(move.source, SYMBOL, MINUTE, move.progress) == 72
    done = move.go()
    assert (done.candles, done.resumed_at, done.is_verified) == (72, minutes(2 * DAY - 60 + 1), True)
    assert move.target.store.candles(SYMBOL, MINUTE) == move.candles
    assert move.progress.done_until(SYMBOL, MINUTE) is None


def test_a_candle_that_does_not_arrive_is_found(move: Move) -> None:
    class Forgetful(FakeSeriesStore):
        def candles(self, *arguments: object, **more: object) -> list[Candle]:
            found = super().candles(*arguments, **more)  # type: ignore[arg-type]
            return [replace(c, volume=Decimal(0)) if c.open_time == minutes(DAY) else c for c in found]

    move.target = RemoteStore(Forgetful())
    done = move.go()
    assert not done.is_verified
    assert done.wrong == 1
    assert done.checksum != done.target_checksum
    assert move.progress.done_until(SYMBOL, MINUTE) == minutes(DAY - 60 + 1)  # it begins before the day that is wrong


def test_what_the_target_has_more_is_told_and_left(move: Move) -> None:
    move.target.store.write_candles(SYMBOL, MINUTE, [candle(1)], source="rest", received_at=START)
    done = move.go()
    assert (done.is_verified, done.more_in_target) == (True, 1)
    assert len(move.target.store.candles(SYMBOL, MINUTE)) == 121


def test_the_latest_prices_go_along(move: Move) -> None:
    price = Ticker(SYMBOL, Decimal(1), Decimal(2), Decimal("1.5"), START, START, "stream")
    move.source.write_tickers([price])
    assert move_tickers(move.source, move.target.store, [SYMBOL, "NO/ONE"]) == 1
    assert move.target.store.tickers([SYMBOL]) == {SYMBOL: price}


@pytest.mark.integration
@pytest.mark.parametrize("turn", [lambda one, other: (one, other), lambda one, other: (other, one)], ids=["to", "from"])
def test_between_postgres_and_influxdb(
    engine: Engine, tmp_path: Path, turn: Callable[[SeriesStore, SeriesStore], tuple[SeriesStore, SeriesStore]]
) -> None:
    with influx_stand_in() as site:
        source, target = turn(PostgresSeriesStore(engine), site.store())
        move = Move(tmp_path, target, source)
        done = move.go()
        assert (done.is_verified, done.write) == (True, CandleWrite(inserted=120))
        assert target.candles(SYMBOL, MINUTE) == move.candles
        assert move.go().write == CandleWrite(unchanged=120)
