"""Moving a store: exact, resumable, verified, and once more changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from trading_platform.adapters.json_migration_progress import JsonMigrationProgress
from trading_platform.adapters.postgres.series_store import PostgresSeriesStore
from trading_platform.domain.candle import Candle, Gap, Interval
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.ports.movable_store import CandleRecord, MovableStore
from trading_platform.ports.series_store import CandleWrite
from trading_platform.services import migrate_store
from trading_platform.services.migrate_store import (
    MovedSeries,
    count_candles,
    is_unfinished,
    move_metrics,
    move_series,
    move_tickers,
)
from trading_platform_tests.fakes import FakeSeriesStore
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes
from trading_platform_tests.support.influx.sites import influx_stand_in
from trading_platform_tests.support.remote_store import RemoteStore

DAY = 24 * 60
METRICS = [
    MetricPoint(MetricName.CANDLE_AGE_SECONDS, 1 / 3, minutes(1), SYMBOL),
    MetricPoint(MetricName.SPOOL_POINTS, 5.0, minutes(1)),
    MetricPoint(MetricName.SPOOL_POINTS, 6.0, minutes(2)),
]


class Move:
    """A source with five days of candles, and a target."""

    def __init__(self, folder: Path, target: MovableStore | None = None, source: MovableStore | None = None) -> None:
        self.source, self.target = source or FakeSeriesStore(), RemoteStore(target or FakeSeriesStore())
        self.progress = JsonMigrationProgress(folder / "progress.json", "one>other")
        self.told: list[int] = []
        self.candles = [candle(minute, f"{minute}.123456789012345678") for minute in range(0, 5 * DAY, 60)]
        self.write(*self.candles[:40], source="archive")
        self.write(*self.candles[40:], source="rest")

    def write(self, *candles: Candle, source: str = "stream") -> None:
        self.source.write_candles(SYMBOL, MINUTE, candles, source=source, received_at=START)

    def go(self) -> MovedSeries:
        target: MovableStore = self.target  # type: ignore[assignment]
        return move_series(self.source, target, SYMBOL, MINUTE, self.progress, self.told.append)


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


def _broken_off(move: Move, at: str, times: int = 1) -> None:
    """Move, and lose the target when it is asked that, the first or the `times`th time."""
    calls: list[str] = []

    def break_off(name: str) -> None:
        calls.append(name)
        if calls.count(at) == times:
            raise RetryLater("gone")

    move.target.before_answer = break_off
    with pytest.raises(RetryLater):
        move.go()
    move.target.before_answer = lambda name: None


def test_an_interrupted_move_goes_on_where_it_stopped(move: Move) -> None:
    _broken_off(move, "take_records", 3)
    assert move.progress.done_until(SYMBOL, MINUTE) == minutes(2 * DAY - 60 + 1)
    assert count_candles(move.source, SYMBOL, MINUTE, move.progress) == 72
    done = move.go()
    assert (done.candles, done.resumed_at, done.is_verified) == (72, minutes(2 * DAY - 60 + 1), True)
    assert move.target.store.candles(SYMBOL, MINUTE) == move.candles
    assert move.progress.done_until(SYMBOL, MINUTE) is None


def test_a_move_that_was_broken_off_after_its_last_candle_is_not_done(move: Move) -> None:
    move.source.write_indicators(SYMBOL, MINUTE, {minutes(60): {"rsi": 0.1}})
    _broken_off(move, "write_indicators")
    assert count_candles(move.source, SYMBOL, MINUTE, move.progress) == 0
    assert is_unfinished(SYMBOL, MINUTE, move.progress)
    done = move.go()
    assert (done.candles, done.indicators, done.is_verified) == (0, 1, True)
    assert not is_unfinished(SYMBOL, MINUTE, move.progress)


@pytest.mark.parametrize("late", [candle(3 * 60, "0.5"), candle(3 * 60 + 1)], ids=["corrected", "late"])
def test_what_changed_in_the_part_that_was_moved_before_goes_along(move: Move, late: Candle) -> None:
    _broken_off(move, "take_records", 3)
    move.write(late)
    done = move.go()
    assert (done.resumed_at, done.is_verified) == (None, True)
    assert move.target.store.candles(SYMBOL, MINUTE) == move.source.candles(SYMBOL, MINUTE)


def test_a_candle_that_does_not_arrive_is_found(move: Move) -> None:
    class Forgetful(FakeSeriesStore):
        def take_records(self, symbol: str, interval: Interval, records: Sequence[CandleRecord]) -> None:
            spoilt = [
                replace(r, now=replace(r.now, received_at=minutes(9))) if r.now.candle.open_time == minutes(DAY) else r
                for r in records
            ]
            super().take_records(symbol, interval, spoilt)

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


def test_what_a_candle_was_and_when_it_came_go_along(move: Move) -> None:
    move.write(replace(move.candles[3], close=Decimal("0.5")))
    done = move.go()
    assert (done.is_verified, done.corrections) == (True, 1)
    everything = {"start": START, "end": minutes(9 * DAY)}
    moved = move.target.store.candle_records(SYMBOL, MINUTE, **everything)
    assert moved == move.source.candle_records(SYMBOL, MINUTE, **everything)
    assert [record.earlier[0][1].candle for record in moved if record.earlier] == [move.candles[3]]


def test_the_target_becomes_like_the_source(move: Move) -> None:
    other = replace(move.candles[3], close=Decimal("0.5"))
    move.target.store.write_candles(SYMBOL, MINUTE, [other], source="rest", received_at=START)
    done = move.go()
    assert (done.is_verified, done.write) == (True, CandleWrite(inserted=119, corrected=1))
    assert move.target.store.candles(SYMBOL, MINUTE) == move.candles


def test_a_gap_that_was_filled_since_ends_in_the_target_too(move: Move) -> None:
    gap = Gap(minutes(1), minutes(59), 59)
    move.source.record_gaps(SYMBOL, MINUTE, [gap], start=START, end=minutes(60), confirmed_at=minutes(7))
    move.go()
    move.write(candle(5))
    assert move.go().gaps == 2
    assert move.target.store.known_gaps(SYMBOL, MINUTE) == move.source.known_gaps(SYMBOL, MINUTE)
    move.write(*(candle(minute) for minute in range(1, 60)))
    move.go()
    assert move.target.store.known_gaps(SYMBOL, MINUTE) == []


def test_metrics_go_along_and_are_compared(move: Move) -> None:
    move.source.save_metrics(METRICS)
    target = move.target.store
    first, again = (move_metrics(move.source, target, START) for _ in range(2))
    assert (first.points, first.is_verified, again.checksum) == (3, True, first.checksum)
    assert [point for name in MetricName for point in target.metrics(name, since=START)] == METRICS
    assert move_metrics(move.source, FakeSeriesStore(), minutes(2)).points == 1


def test_metrics_that_do_not_arrive_are_found(move: Move) -> None:
    class Forgetful(FakeSeriesStore):
        def save_metrics(self, points: Sequence[MetricPoint]) -> None:
            super().save_metrics(points[1:])

    move.source.save_metrics(METRICS)
    done = move_metrics(move.source, Forgetful(), START)
    assert (done.is_verified, done.wrong) == (False, 2)


def test_the_latest_prices_go_along(move: Move) -> None:
    price = Ticker(SYMBOL, Decimal(1), Decimal(2), Decimal("1.5"), START, START, "stream")
    move.source.write_tickers([price])
    assert move_tickers(move.source, move.target.store, [SYMBOL, "NO/ONE"]) == 1
    assert move.target.store.tickers([SYMBOL]) == {SYMBOL: price}


@pytest.mark.integration
@pytest.mark.parametrize("turn", [lambda one, other: (one, other), lambda one, other: (other, one)], ids=["to", "from"])
def test_between_postgres_and_influxdb(
    engine: Engine, tmp_path: Path, turn: Callable[[MovableStore, MovableStore], tuple[MovableStore, MovableStore]]
) -> None:
    with influx_stand_in() as site:
        source, target = turn(PostgresSeriesStore(engine), site.store())
        move = Move(tmp_path, target, source)
        move.write(replace(move.candles[7], close=Decimal("0.5")), source="rest")
        move.write(move.candles[7], source="archive")
        source.save_metrics(METRICS)
        done = move.go()
        assert done.corrections == 2
        everything = {"start": START, "end": minutes(9 * DAY)}
        assert target.candle_records(SYMBOL, MINUTE, **everything) == source.candle_records(
            SYMBOL, MINUTE, **everything
        )
        assert move_metrics(source, target, START).is_verified
        assert target.metrics(MetricName.CANDLE_AGE_SECONDS, since=START) == METRICS[:1]
        assert (done.is_verified, done.write) == (True, CandleWrite(inserted=120))
        assert target.candles(SYMBOL, MINUTE) == move.candles
        assert move.go().write == CandleWrite(unchanged=120)
        move.progress.note(SYMBOL, MINUTE, minutes(3 * DAY))  # as if broken off there
        assert move.go().resumed_at == minutes(3 * DAY)
        move.progress.note(SYMBOL, MINUTE, minutes(3 * DAY))
        move.write(replace(move.candles[9], close=Decimal("0.5")), source="rest")
        done = move.go()
        assert (done.resumed_at, done.write) == (None, CandleWrite(corrected=1, unchanged=119))
