"""While the store behind it is away, nothing that was accepted is lost, doubled, reordered or made up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from trading_platform.adapters.caching_series_store import CachingSeriesStore
from trading_platform.adapters.spooling_series_store import SpoolingSeriesStore
from trading_platform.adapters.store_guard import LONGEST_PAUSE_SECONDS, StoreGuard
from trading_platform.domain.candle import Candle, Gap
from trading_platform.domain.circuit import CircuitState
from trading_platform.domain.errors import RefusedByStore, RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.ports.series_store import CandleRange, CandleWrite, RangeVersion
from trading_platform.services.refresh_market import refresh_candles
from trading_platform_tests.fakes import FakeClock, FakeMarketFeed, FakeSeriesStore, FakeStoreSpool
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes
from trading_platform_tests.support.remote_store import RemoteStore

WINDOW = 20


class Process:
    """One process's view of the store, with the cache before it."""

    def __init__(self, site: Site) -> None:
        self.guard = StoreGuard("the store", lambda: site.seconds, lambda: 0.0)
        self.spooling = SpoolingSeriesStore(site.remote, site.spool, self.guard, wall=site.wall)
        self.store = CachingSeriesStore(
            self.spooling,
            most_candles=1_000,
            candle_check_seconds=1,
            price_seconds=5,
            changes=self.spooling,
            wall=site.wall,
            monotonic_seconds=lambda: site.seconds,
        )

    def write(self, *candles: Candle, source: str = "rest") -> CandleWrite:
        return self.store.write_candles(SYMBOL, MINUTE, candles, source=source, received_at=START)

    def window(self) -> list[Candle]:
        return self.store.candles(SYMBOL, MINUTE, newest=WINDOW)


class Site:
    """A remote store, the spool that all processes share, and the time."""

    def __init__(self) -> None:
        self.base = FakeSeriesStore()
        self.remote = RemoteStore(self.base)
        self.spool = FakeStoreSpool()
        self.seconds = 0.0

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def pause(self) -> None:
        """So long that the store is tried again."""
        self.seconds += LONGEST_PAUSE_SECONDS

    def stored(self) -> list[Candle]:
        return self.base.candles(SYMBOL, MINUTE)


@pytest.fixture
def site() -> Iterator[Site]:
    return Site()


@pytest.fixture
def process(site: Site) -> Process:
    """A process that has traded for a while."""
    made = Process(site)
    made.write(*(candle(minute) for minute in range(WINDOW * 2)))
    made.window()
    return made


def ticker(last: int, minute: float) -> Ticker:
    price = Decimal(last)
    return Ticker(SYMBOL, price - 1, price + 1, price, minutes(minute), minutes(minute))


def holds_thirteen(name: str, arguments: tuple[Any, ...]) -> bool:
    return name == "write_batches" and any(c.close == 13 for batch in arguments[0] for c in batch.candles)


def test_an_outage_is_traded_through_and_made_up_for_in_order(site: Site, process: Process) -> None:
    site.remote.is_down = True
    for minute in range(WINDOW * 2, WINDOW * 2 + 30):
        process.write(candle(minute, f"{minute}"))
        assert [c.open_time for c in process.window()] == [minutes(n) for n in range(minute - WINDOW + 1, minute + 1)]
        assert process.store.newest_open_time(SYMBOL, MINUTE) == minutes(minute)
        assert len(process.store.candle_frame(SYMBOL, MINUTE, newest=WINDOW)) == WINDOW
        site.pause()
    assert len(site.stored()) == WINDOW * 2
    assert site.spool.state().rows == 30

    site.remote.is_down = False
    assert process.spooling.catch_up(60)
    assert [c.open_time for c in site.stored()] == [minutes(n) for n in range(WINDOW * 2 + 30)]
    site.seconds += 1
    assert process.window() == site.stored()[-WINDOW:]


def test_a_process_whose_memory_is_a_little_old_is_brought_up_to_date(site: Site, process: Process) -> None:
    other = Process(site)
    other.write(candle(WINDOW * 2, "7"), candle(WINDOW * 2 - 1, "3"))  # reaches the store, unseen by the first process
    site.remote.is_down = True
    other.write(candle(WINDOW * 2 + 1, "8"))
    site.seconds += 1
    window = process.window()
    assert [(c.open_time, c.close) for c in window[-3:]] == [
        (minutes(WINDOW * 2 - 1), 3),
        (minutes(WINDOW * 2), 7),
        (minutes(WINDOW * 2 + 1), 8),
    ]
    assert len(window) == WINDOW


def test_what_is_not_known_is_not_made_up(site: Site, process: Process) -> None:
    site.remote.is_down = True
    site.seconds += 1
    process.write(candle(WINDOW * 2))
    stranger = Process(site)
    for question in (
        lambda: stranger.store.candles(SYMBOL, MINUTE, newest=WINDOW),
        lambda: stranger.store.candle_frame(SYMBOL, MINUTE, newest=WINDOW),
        lambda: stranger.store.newest_open_time(SYMBOL, MINUTE),
        lambda: stranger.store.known_gaps(SYMBOL, MINUTE),
        lambda: stranger.store.indicators(SYMBOL, MINUTE, newest=1),
        lambda: stranger.store.tickers([SYMBOL]),
        lambda: process.store.candles(SYMBOL, MINUTE, newest=WINDOW * 10),
        lambda: process.store.candles(SYMBOL, MINUTE),
        lambda: process.store.candles_per_day(SYMBOL, MINUTE),
        lambda: process.store.sources(SYMBOL, MINUTE, start=START, end=minutes(5)),
        lambda: process.store.missing_candles(SYMBOL, MINUTE, start=START),
        lambda: process.store.versions([CandleRange(SYMBOL, MINUTE, START, minutes(5))]),
        lambda: process.store.prune_indicators(START),
    ):
        with pytest.raises(RetryLater):
            question()


def test_a_process_that_starts_during_an_outage_fetches_once_and_goes_on(site: Site, process: Process) -> None:
    clock = FakeClock(minutes(WINDOW * 2) + timedelta(seconds=20))
    feed = FakeMarketFeed(clock)
    feed.add_candles(SYMBOL, MINUTE, [candle(minute) for minute in range(WINDOW * 3) if minute != WINDOW])
    site.remote.is_down = True
    process.write(candle(WINDOW * 2 - 1))  # another one's single candles are no window

    for minute in range(WINDOW * 2, WINDOW * 2 + 3):
        stranger = Process(site)  # knows nothing each time
        [series] = refresh_candles(feed, stranger.store, clock, [SYMBOL], [MINUTE], WINDOW - 1)
        assert series.is_refreshed
        assert series.newest_open_time == minutes(minute - 1)
        wanted = [candle(number) for number in range(minute - WINDOW + 1, minute)]
        assert stranger.store.candles(SYMBOL, MINUTE, newest=WINDOW - 1) == wanted
        assert len(stranger.store.candle_frame(SYMBOL, MINUTE, newest=WINDOW - 1)) == WINDOW - 1
        assert stranger.store.candles(SYMBOL, MINUTE, end=minutes(minute - 1), newest=3) == wanted[-4:-1]
        with pytest.raises(RetryLater):
            stranger.store.candles(SYMBOL, MINUTE, newest=WINDOW * 10)
        clock.advance(60)
        site.pause()
    waited = site.spool.state()
    assert waited.points == 1 + (WINDOW - 1) + 2 * 2  # each refresh fetches the newest candle once more

    site.remote.is_down = False
    site.pause()
    assert process.spooling.catch_up(10)
    assert [c.open_time for c in site.stored()] == [minutes(number) for number in range(WINDOW * 2 + 2)]


def test_a_hole_in_what_waits_is_not_passed_over(site: Site, process: Process) -> None:
    site.remote.is_down = True
    stranger = Process(site)
    stranger.write(candle(100), candle(101), candle(103), source="stream")  # something may be missing
    with pytest.raises(RetryLater):
        stranger.window()
    with pytest.raises(RetryLater):
        stranger.store.candles(SYMBOL, MINUTE, newest=3)
    assert stranger.store.candles(SYMBOL, MINUTE, newest=1) == [candle(103)]
    stranger.write(candle(101), candle(103), source="rest")  # the venue answers so: it has nothing between them
    assert stranger.store.candles(SYMBOL, MINUTE, newest=3) == [candle(100), candle(101), candle(103)]


def test_memory_that_is_too_old_to_be_brought_up_to_date_is_not_served(site: Site, process: Process) -> None:
    site.spool = FakeStoreSpool(kept=1)
    forgetful = Process(site)
    forgetful.write(candle(0), candle(1))
    forgetful.store.newest_open_time(SYMBOL, MINUTE)
    forgetful.window()
    other = Process(site)
    for minute in range(WINDOW * 2, WINDOW * 2 + 5):
        other.write(candle(minute))
    site.remote.is_down = True
    site.seconds += 1
    with pytest.raises(RetryLater):
        forgetful.window()


def test_the_newest_time_gaps_indicators_and_count_are_remembered(site: Site, process: Process) -> None:
    store = process.spooling  # as a process without windows asks
    gap = Gap(minutes(100), minutes(110), 11)
    store.record_gaps(SYMBOL, MINUTE, [gap], start=minutes(90), end=minutes(120), confirmed_at=START)
    store.write_indicators(SYMBOL, MINUTE, {minutes(39): {"rsi": 1.0}})
    assert store.newest_open_time(SYMBOL, MINUTE) == minutes(39)
    assert store.known_gaps(SYMBOL, MINUTE, start=minutes(95)) == [gap]
    assert store.indicators(SYMBOL, MINUTE, newest=1) == {minutes(39): {"rsi": 1.0}}
    assert store.count_candles(SYMBOL, MINUTE) == 40

    site.remote.is_down = True
    Process(site).write(candle(39), candle(40), candle(105))
    store.write_indicators(SYMBOL, MINUTE, {minutes(40): {"rsi": 2.0}})
    assert store.newest_open_time(SYMBOL, MINUTE) == minutes(105)
    assert store.known_gaps(SYMBOL, MINUTE, start=minutes(107)) == [Gap(minutes(106), minutes(110), 5)]
    assert store.indicators(SYMBOL, MINUTE, newest=1) == {minutes(40): {"rsi": 2.0}}
    assert store.count_candles(SYMBOL, MINUTE) == 42
    with pytest.raises(RetryLater):
        store.indicators(SYMBOL, MINUTE, newest=5)


def test_what_another_process_writes_while_the_store_is_asked_is_not_forgotten(site: Site, process: Process) -> None:
    def another_writes(name: str) -> None:
        if name == "newest_open_time":
            site.remote.after_answer = lambda _: None
            Process(site).write(candle(40))

    site.remote.after_answer = another_writes
    process.spooling.newest_open_time(SYMBOL, MINUTE)  # answered before the other one's candle

    site.remote.is_down = True

    assert process.spooling.newest_open_time(SYMBOL, MINUTE) == minutes(40)


def test_prices_go_on_by_their_own_age(site: Site, process: Process) -> None:
    process.store.write_tickers([ticker(10, 1)])
    Process(site).store.write_tickers([ticker(11, 2)])  # reaches the store, unseen by this process
    site.remote.is_down = True
    assert process.store.tickers([SYMBOL])[SYMBOL].last == 11
    process.store.write_tickers([ticker(12, 3)])
    assert process.store.tickers([SYMBOL])[SYMBOL].last == 12
    Process(site).store.write_tickers([ticker(9, 0)])
    assert process.spooling.tickers([SYMBOL])[SYMBOL].last == 12
    with pytest.raises(RetryLater):
        process.store.tickers([SYMBOL, "NO/ONE"])


def test_a_price_that_another_process_made_the_store_forget_is_not_remembered(site: Site, process: Process) -> None:
    process.store.write_tickers([ticker(99, 60)])
    assert process.spooling.tickers([SYMBOL])[SYMBOL].last == 99
    other = Process(site)
    other.store.forget_tickers(minutes(2))
    other.store.write_tickers([ticker(10, 1)])
    assert process.spooling.tickers([SYMBOL])[SYMBOL].last == 10


def test_while_something_waits_later_writes_go_behind_it(site: Site, process: Process) -> None:
    site.remote.is_down = True
    process.write(candle(50, "1"))
    site.remote.is_down = False
    other = Process(site)
    assert other.write(candle(50, "2")) == CandleWrite(corrected=1)
    [late] = [c for c in site.stored() if c.open_time == minutes(50)]
    assert late.close == 2
    held = CandleRange(SYMBOL, MINUTE, minutes(50), minutes(50))
    assert site.base.versions([held])[0].inside == RangeVersion(1, 1)


def test_the_store_is_left_alone_and_tried_again_by_one_probe(site: Site, process: Process) -> None:
    site.remote.is_down = True
    site.remote.calls.clear()
    for minute in range(40, 60):
        process.write(candle(minute))
    assert process.guard.state is CircuitState.OPEN
    assert len(site.remote.calls) <= 4
    assert "can't be reached" in process.guard.trouble
    site.pause()
    site.remote.calls.clear()
    process.write(candle(60))
    assert len(site.remote.calls) == 1
    site.remote.is_down = False
    site.pause()
    process.write(candle(61))
    assert process.guard.state is CircuitState.CLOSED
    assert site.stored()[-1] == candle(61)


def test_a_store_that_answers_too_slowly_is_left_alone(site: Site, process: Process) -> None:
    site.remote.before_answer = lambda name: setattr(site, "seconds", site.seconds + 10)
    process.write(candle(40))
    process.write(candle(41))
    assert process.guard.state is CircuitState.OPEN
    assert process.write(candle(42)) == CandleWrite(spooled=1)
    assert site.stored()[-1] == candle(41)


def test_a_write_whose_answer_was_lost_is_made_once(site: Site, process: Process) -> None:
    def lose(name: str) -> None:
        site.remote.after_answer = lambda name: None
        raise RetryLater("the answer was lost")

    site.remote.after_answer = lose
    process.write(candle(40, "5"))
    assert process.spooling.catch_up(10)
    assert [c.close for c in site.stored()[40:]] == [5]
    held = CandleRange(SYMBOL, MINUTE, minutes(40), minutes(40))
    assert site.base.versions([held])[0].inside == RangeVersion(1, 0)


def test_prices_indicators_and_metrics_that_waited_go_together(site: Site, process: Process) -> None:
    site.remote.is_down = True
    for second in range(40):
        process.store.write_tickers([ticker(second + 2, second / 60)])
    process.store.write_indicators(SYMBOL, MINUTE, {minutes(1): {"rsi": 1.0}})
    process.store.write_indicators(SYMBOL, MINUTE, {minutes(1): {"ema": 2.0}, minutes(2): {"ema": 3.0}})
    measured = [MetricPoint(MetricName.ORDERS_IN_FLIGHT, number, minutes(number)) for number in range(4)]
    for point in measured:
        process.store.save_metrics([point])
        process.write(candle(80 + int(point.value)))
    site.remote.is_down = False
    site.pause()
    site.remote.calls.clear()
    assert process.spooling.catch_up(10)
    assert site.remote.calls == ["write_batches", "write_indicators", "write_tickers", "save_metrics"]
    assert site.stored()[-4:] == [candle(80 + number) for number in range(4)]
    assert site.base.metrics(MetricName.ORDERS_IN_FLIGHT, since=START) == measured
    assert site.base.tickers([SYMBOL])[SYMBOL].last == 41
    assert site.base.indicators(SYMBOL, MINUTE, newest=5) == {minutes(1): {"ema": 2.0}, minutes(2): {"ema": 3.0}}


def test_a_correction_is_not_sent_with_what_it_corrects(site: Site, process: Process) -> None:
    site.remote.is_down = True
    for close in ("5", "6", "7"):
        process.write(candle(40, close), candle(41))
    site.remote.is_down = False
    site.pause()
    fail_after_writing(site, times=2)
    site.remote.calls.clear()
    while not process.spooling.catch_up(10):
        site.pause()
    assert site.remote.calls == ["write_batches"] * 5
    held = CandleRange(SYMBOL, MINUTE, minutes(40), minutes(41))
    assert site.base.versions([held])[0].inside == RangeVersion(2, 2)


def test_a_group_whose_answer_was_lost_changes_nothing_the_second_time(site: Site, process: Process) -> None:
    site.remote.is_down = True
    for minute in range(40, 60):
        process.write(candle(minute, f"{minute}"))
        process.store.write_tickers([ticker(minute, minute)])
    site.remote.is_down = False
    site.pause()
    fail_after_writing(site, times=2)
    while not process.spooling.catch_up(10):
        site.pause()
    held = CandleRange(SYMBOL, MINUTE, minutes(40), minutes(59))
    assert site.base.versions([held])[0].inside == RangeVersion(20, 0)


def test_records_of_gaps_keep_their_place_among_candles(site: Site, process: Process) -> None:
    site.remote.is_down = True
    gap = Gap(minutes(50), minutes(52), 3)
    process.write(candle(49))
    process.store.record_gaps(SYMBOL, MINUTE, [gap], start=minutes(45), end=minutes(55), confirmed_at=START)
    process.write(candle(51))
    process.write(candle(53))
    site.remote.is_down = False
    site.pause()
    site.remote.calls.clear()
    assert process.spooling.catch_up(10)
    assert site.remote.calls == ["write_batches", "record_gaps", "write_batches"]
    assert site.base.known_gaps(SYMBOL, MINUTE) == [
        Gap(minutes(50), minutes(50), 1),
        Gap(minutes(52), minutes(52), 1),
    ]


def fail_after_writing(site: Site, times: int) -> None:
    """The store does what it is asked, and its answers are lost."""
    left = iter(range(times))

    def lose(name: str) -> None:
        if next(left, None) is not None:
            raise RetryLater("the answer was lost")

    site.remote.after_answer = lose


def test_points_that_the_store_refuses_are_told_to_who_writes_them(site: Site, process: Process) -> None:
    site.remote.refuses = holds_thirteen
    with pytest.raises(RefusedByStore):
        process.write(candle(40, "13"))
    assert site.spool.state().rows == 0
    assert site.spool.state().refused == 0
    process.write(candle(41))
    assert site.stored()[-1] == candle(41)


def test_points_that_are_refused_later_are_set_aside_and_hold_up_nothing(site: Site, process: Process) -> None:
    site.remote.is_down = True
    process.write(candle(41))
    process.write(candle(40, "13"))
    process.write(candle(42))
    site.remote.is_down = False
    site.remote.refuses = holds_thirteen
    site.pause()
    site.remote.calls.clear()
    assert process.spooling.catch_up(10)
    assert [c.open_time for c in site.stored()[-2:]] == [minutes(41), minutes(42)]
    assert site.spool.state().refused == 1
    assert site.remote.calls == ["write_batches"] * 4  # together, then each alone


def test_a_full_spool_takes_nothing_and_says_so(site: Site, process: Process) -> None:
    site.spool = FakeStoreSpool(bound_points=50)
    full = Process(site)
    site.remote.is_down = True
    full.write(*(candle(minute) for minute in range(50)))
    with pytest.raises(RetryLater, match="full"):
        full.write(candle(50))
    site.remote.is_down = False
    site.pause()
    assert full.spooling.catch_up(10)
    full.write(candle(50))
    assert site.stored()[-1] == candle(50)


def test_without_the_spool_nothing_is_accepted(site: Site, process: Process) -> None:
    site.spool.is_down = True
    with pytest.raises(RetryLater):
        process.write(candle(40))
    assert len(site.stored()) == 40


def test_a_wrong_source_is_refused_before_it_waits_for_ever(process: Process, site: Site) -> None:
    with pytest.raises(ValueError, match="source"):
        process.write(candle(40), source="hearsay")
    assert site.spool.state().rows == 0
