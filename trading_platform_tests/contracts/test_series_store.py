"""What every series store does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_platform.domain.candle import Candle, Gap, Interval
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.store_write import CandleBatch
from trading_platform.ports.series_store import CandleRange, CandleWrite, RangeVersion, SeriesStore, SeriesVersion
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes


def write(
    store: SeriesStore, *candles: Candle, symbol: str = SYMBOL, interval: Interval = MINUTE, source: str = "rest"
) -> CandleWrite:
    return store.write_candles(symbol, interval, candles, source=source, received_at=START)


def test_an_unknown_series_is_empty(store: SeriesStore) -> None:
    assert store.candles("NO/ONE", MINUTE) == []
    assert store.newest_open_time("NO/ONE", MINUTE) is None
    assert store.open_times("NO/ONE", MINUTE, newest=5) == []
    assert store.count_candles("NO/ONE", MINUTE) == 0
    assert store.tickers(["NO/ONE"]) == {}
    assert store.indicators("NO/ONE", MINUTE, newest=5) == {}


def test_writing_nothing_changes_nothing(store: SeriesStore) -> None:
    assert write(store) == CandleWrite()
    store.write_tickers([])
    store.write_indicators(SYMBOL, MINUTE, {})
    assert store.tickers([]) == {}


def test_candles_come_back_ascending_and_exact(store: SeriesStore) -> None:
    written = [candle(2, "0.00000001"), candle(0, "84705.64000000"), candle(1, "123456789.123456789123")]
    assert write(store, *written) == CandleWrite(inserted=3)
    assert store.candles(SYMBOL, MINUTE) == [written[1], written[2], written[0]]


prices = st.decimals(min_value=0, max_value=10**9, allow_nan=False, allow_infinity=False, places=12)


@given(values=st.tuples(prices, prices, prices, prices, prices), millisecond=st.integers(0, 4_000_000_000_000))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_decimals_and_millisecond_times_survive(
    store: SeriesStore, values: tuple[Decimal, Decimal, Decimal, Decimal, Decimal], millisecond: int
) -> None:
    open_time = START.replace(year=1970, month=1) + timedelta(milliseconds=millisecond)
    written = Candle(open_time, *values)
    write(store, written)
    [got] = store.candles(SYMBOL, MINUTE, start=open_time, end=open_time + timedelta(milliseconds=1))
    assert got == written
    assert [format(price, "f") for price in (got.open, got.volume)] == [format(values[i], "f") for i in (0, 4)]


def test_series_are_kept_apart(store: SeriesStore) -> None:
    five = Interval.parse("5m")
    write(store, candle(0, "1"))
    write(store, candle(0, "2"), symbol="ETH/USDT")
    write(store, candle(0, "3"), interval=five)
    assert [c.close for c in store.candles(SYMBOL, MINUTE)] == [1]
    assert [c.close for c in store.candles("ETH/USDT", MINUTE)] == [2]
    assert [c.close for c in store.candles(SYMBOL, five)] == [3]


def test_writing_again_changes_nothing(store: SeriesStore) -> None:
    write(store, candle(0), candle(1))
    assert write(store, candle(0), candle(1), candle(2)) == CandleWrite(inserted=1, unchanged=2)


def test_trailing_zeros_are_no_correction(store: SeriesStore) -> None:
    write(store, candle(0, "84705.64000000"))
    assert write(store, candle(0, "84705.64")) == CandleWrite(unchanged=1)


@pytest.mark.parametrize("field", ["open", "high", "low", "close", "volume"])
def test_a_correction_replaces_the_candle(store: SeriesStore, field: str) -> None:
    corrected = replace(candle(1), **{field: getattr(candle(1), field) + Decimal("0.00000001")})
    write(store, candle(0), candle(1))
    assert write(store, candle(0), corrected, source="stream") == CandleWrite(corrected=1, unchanged=1)
    assert store.candles(SYMBOL, MINUTE) == [candle(0), corrected]


def test_a_candle_is_known_by_its_first_source(store: SeriesStore) -> None:
    write(store, candle(0), candle(1), source="stream")
    write(store, candle(2), source="archive")
    write(store, candle(0), replace(candle(1), volume=Decimal(9)), candle(3))  # the first one is the same by REST
    write(store, candle(1), symbol="ETH/USDT", source="archive")
    sources = store.sources(SYMBOL, MINUTE, start=minutes(0), end=minutes(4))
    assert list(sources.items()) == [
        (minutes(0), "stream"),
        (minutes(1), "rest"),
        (minutes(2), "archive"),
        (minutes(3), "rest"),
    ]
    assert list(store.sources(SYMBOL, MINUTE, start=minutes(1), end=minutes(3))) == [minutes(1), minutes(2)]
    assert store.sources("NO/ONE", MINUTE, start=minutes(0), end=minutes(4)) == {}


def test_several_batches_change_what_each_of_them_would(store: SeriesStore) -> None:
    store.write_candles(SYMBOL, MINUTE, [candle(0, "1")], source="rest", received_at=START)
    hours = Interval.parse("1h")
    batches = [
        CandleBatch(SYMBOL, MINUTE, (candle(0, "1"), candle(1, "2")), "stream", START),
        CandleBatch("ETH/USDT", MINUTE, (candle(0, "3"),), "rest", START),
        CandleBatch(SYMBOL, MINUTE, (candle(400_000, "4"), candle(2, "5")), "rest", minutes(9)),
        CandleBatch(SYMBOL, hours, (candle(0, "6"),), "archive", START),
    ]
    gap = Gap(minutes(2), minutes(4), 3)
    store.record_gaps(SYMBOL, MINUTE, [gap], start=minutes(2), end=minutes(5), confirmed_at=START)

    assert store.write_batches(batches) == [CandleWrite(1, 0, 1), CandleWrite(1), CandleWrite(2), CandleWrite(1)]
    assert [c.close for c in store.candles(SYMBOL, MINUTE)] == [1, 2, 5, 4]
    assert [c.close for c in store.candles("ETH/USDT", MINUTE)] == [3]
    assert [c.close for c in store.candles(SYMBOL, hours)] == [6]
    assert store.sources(SYMBOL, MINUTE, start=START, end=minutes(3)) == {
        minutes(0): "rest",
        minutes(1): "stream",
        minutes(2): "rest",
    }
    assert store.known_gaps(SYMBOL, MINUTE) == [Gap(minutes(3), minutes(4), 2)]
    assert [write.unchanged for write in store.write_batches(batches)] == [2, 1, 2, 1]
    assert store.write_batches([]) == []


def test_of_one_open_time_the_last_candle_counts(store: SeriesStore) -> None:
    assert write(store, candle(0, "1"), candle(0, "2")) == CandleWrite(inserted=1)
    assert [c.close for c in store.candles(SYMBOL, MINUTE)] == [2]


def test_ranges_include_their_start_and_not_their_end(store: SeriesStore) -> None:
    write(store, *(candle(minute) for minute in range(10)))
    got = store.candles(SYMBOL, MINUTE, start=minutes(3), end=minutes(6))
    assert [c.open_time for c in got] == [minutes(3), minutes(4), minutes(5)]
    assert store.candles(SYMBOL, MINUTE, start=minutes(6), end=minutes(6)) == []


def test_the_newest_of_a_range(store: SeriesStore) -> None:
    write(store, *(candle(minute) for minute in range(10)))
    assert [c.open_time for c in store.candles(SYMBOL, MINUTE, newest=2)] == [minutes(8), minutes(9)]
    assert [c.open_time for c in store.candles(SYMBOL, MINUTE, end=minutes(5), newest=2)] == [minutes(3), minutes(4)]
    assert [c.open_time for c in store.candles(SYMBOL, MINUTE, start=minutes(9), newest=5)] == [minutes(9)]
    assert store.candles(SYMBOL, MINUTE, newest=0) == []
    assert store.open_times(SYMBOL, MINUTE, newest=2) == [minutes(8), minutes(9)]
    assert store.newest_open_time(SYMBOL, MINUTE) == minutes(9)
    assert store.count_candles(SYMBOL, MINUTE) == 10


def test_times_are_aware(store: SeriesStore) -> None:
    write(store, candle(0))
    newest = store.newest_open_time(SYMBOL, MINUTE)
    assert newest is not None
    assert newest.utcoffset() == timedelta(0)
    assert store.candles(SYMBOL, MINUTE)[0].open_time.utcoffset() == timedelta(0)


def test_a_frame_holds_the_nearest_floats(store: SeriesStore) -> None:
    written = [candle(minute, f"0.1{minute}") for minute in range(5)]
    write(store, *written)
    frame = store.candle_frame(SYMBOL, MINUTE, end=minutes(4), newest=3)
    assert list(frame.index) == [minutes(1), minutes(2), minutes(3)]
    assert list(frame["close"]) == [float(c.close) for c in written[1:4]]
    assert list(frame["low"]) == [float(c.low) for c in written[1:4]]


@pytest.mark.parametrize("held", [0, 3])
def test_a_frame_always_has_the_same_types(store: SeriesStore, held: int) -> None:
    write(store, *(candle(minute) for minute in range(held)))
    frame = store.candle_frame(SYMBOL, MINUTE)
    assert list(frame.columns) == ["open", "high", "low", "close", "volume"]
    assert all(dtype == np.float64 for dtype in frame.dtypes)
    assert str(frame.index.dtype) == "datetime64[ns, UTC]"
    assert frame.index.name == "open_time"
    assert frame.index.is_monotonic_increasing
    assert len(frame) == held


def test_ranges_may_be_open_at_either_end(store: SeriesStore) -> None:
    write(store, *(candle(minute) for minute in (0, 1, 5, 9)))

    def found(start: int | None, end: int | None) -> list[datetime]:
        bounds = {"start": start, "end": end}
        given = {name: minutes(minute) for name, minute in bounds.items() if minute is not None}
        return [c.open_time for c in store.candles(SYMBOL, MINUTE, **given)]

    assert found(None, None) == [minutes(n) for n in (0, 1, 5, 9)]
    assert found(5, None) == [minutes(5), minutes(9)]
    assert found(None, 5) == [minutes(0), minutes(1)]
    assert found(2, 5) == found(10, None) == found(None, 0) == found(7, 3) == []
    assert store.candle_frame(SYMBOL, MINUTE, end=minutes(0), newest=3).empty
    assert store.candles_per_day(SYMBOL, MINUTE, start=minutes(5), end=minutes(5)) == {}
    assert store.sources(SYMBOL, MINUTE, start=minutes(5), end=minutes(5)) == {}


def test_the_newest_are_found_beyond_holes(store: SeriesStore) -> None:
    write(store, *(candle(minute) for minute in (0, 3, 5000, 5001, 90_000)))
    times = [minutes(n) for n in (0, 3, 5000, 5001, 90_000)]
    for newest in range(1, 7):
        assert store.open_times(SYMBOL, MINUTE, newest=newest) == times[-newest:]
        assert [c.open_time for c in store.candles(SYMBOL, MINUTE, newest=newest)] == times[-newest:]
    assert list(store.candle_frame(SYMBOL, MINUTE, end=minutes(5001), newest=2).index) == times[1:3]


def test_more_digits_than_a_float_holds(store: SeriesStore) -> None:
    exact = Candle(minutes(0), *map(Decimal, ("123456789.123456789", "123456789.123456790", "1E-9", "2", "0.1")))
    write(store, exact)
    assert store.candles(SYMBOL, MINUTE) == [exact]
    corrected = replace(exact, open=exact.open + Decimal("1E-9"))
    assert float(corrected.open) == float(exact.open)
    assert write(store, corrected) == CandleWrite(corrected=1)
    assert store.candles(SYMBOL, MINUTE) == [corrected]
    assert write(store, candle(0)) == CandleWrite(corrected=1)
    assert store.candles(SYMBOL, MINUTE) == [candle(0)]


def test_times_a_millisecond_apart_are_different_times(store: SeriesStore) -> None:
    times = [minutes(0) + timedelta(milliseconds=number) for number in range(3)]
    write(store, *(replace(candle(0), open_time=time) for time in times))
    assert store.open_times(SYMBOL, MINUTE, newest=9) == times
    assert [c.open_time for c in store.candles(SYMBOL, MINUTE, start=times[1], end=times[2])] == [times[1]]
    assert list(store.candle_frame(SYMBOL, MINUTE, newest=3).index) == times


@pytest.mark.parametrize("odd", ['X" or r.symbol == "BTC/USDT', "A,B=C D", "back\\slash/USDT", "Ünï/ÇØDÉ", "'; --"])
def test_a_symbol_is_a_value_whatever_stands_in_it(store: SeriesStore, odd: str) -> None:
    write(store, candle(0, "1"))
    assert store.candles(odd, MINUTE) == []
    assert write(store, candle(0, "2"), symbol=odd) == CandleWrite(inserted=1)
    assert [c.close for c in store.candles(odd, MINUTE)] == [2]
    assert [c.close for c in store.candles(SYMBOL, MINUTE)] == [1]
    store.write_tickers([replace(ticker("5"), symbol=odd)])
    assert store.tickers([odd])[odd].last == 5


def test_writers_side_by_side_lose_and_double_nothing(store: SeriesStore) -> None:
    parts = [[candle(minute) for minute in range(start, start + 300)] for start in (0, 100, 200, 300)]
    with ThreadPoolExecutor(len(parts)) as threads:
        written = list(threads.map(lambda part: write(store, *part), parts))
    assert sum(each.inserted for each in written) == store.count_candles(SYMBOL, MINUTE) == 600
    assert [c.open_time for c in store.candles(SYMBOL, MINUTE)] == [minutes(minute) for minute in range(600)]
    [version] = store.versions([CandleRange(SYMBOL, MINUTE, minutes(0), minutes(599))])
    assert version.inside == RangeVersion(600, 0)


def test_as_many_candles_as_an_archive_holds(store: SeriesStore, archive_rows: int) -> None:
    many = [candle(minute) for minute in range(archive_rows)]
    odd = archive_rows * 7 // 10
    many[odd] = candle(odd, "1.5")
    write(store, candle(odd), candle(odd + 1))
    assert write(store, *many, source="archive") == CandleWrite(inserted=archive_rows - 2, corrected=1, unchanged=1)
    assert store.count_candles(SYMBOL, MINUTE) == archive_rows
    assert store.candles(SYMBOL, MINUTE, start=minutes(odd), end=minutes(odd + 2)) == many[odd : odd + 2]
    assert store.candles(SYMBOL, MINUTE, newest=2) == many[-2:]
    assert sum(store.candles_per_day(SYMBOL, MINUTE).values()) == archive_rows
    assert store.missing_candles(SYMBOL, MINUTE, start=START) == []
    assert len(store.candle_frame(SYMBOL, MINUTE)) == archive_rows


def test_a_range_keeps_its_version_until_one_of_its_candles_changes(store: SeriesStore) -> None:
    write(store, candle(1), candle(2), candle(4))
    held = CandleRange(SYMBOL, MINUTE, minutes(1), minutes(4))

    def version() -> SeriesVersion:
        [found] = store.versions([held])
        return found

    first = version()
    assert first.inside == first.onwards == RangeVersion(3, 0)
    write(store, candle(0), candle(4))
    write(store, candle(2), symbol="ETH/USDT")
    assert version() == first
    write(store, candle(5))
    assert version().inside == first.inside
    assert version().onwards == RangeVersion(4, 0)
    write(store, candle(5, "7"))
    assert version().inside == first.inside
    assert version().onwards == RangeVersion(4, 1)
    write(store, candle(2, "7"))
    assert version().inside == RangeVersion(3, 1)
    write(store, candle(3))
    assert version().inside == RangeVersion(4, 1)


def test_versions_of_several_ranges_come_in_their_order(store: SeriesStore) -> None:
    write(store, candle(0), candle(1))
    write(store, candle(0), symbol="ETH/USDT")
    ranges = [CandleRange(symbol, MINUTE, minutes(0), minutes(9)) for symbol in ("NO/ONE", SYMBOL, "ETH/USDT")]
    assert [version.inside.candles for version in store.versions(ranges)] == [0, 2, 1]
    assert store.versions([]) == []
    mixed = [CandleRange(symbol, MINUTE, minutes(n), minutes(n)) for n in (1, 0) for symbol in (SYMBOL, "ETH/USDT")]
    assert [(each.inside.candles, each.onwards.candles) for each in store.versions(mixed)] == [
        (1, 1),
        (0, 0),
        (1, 2),
        (1, 1),
    ]
    many = [CandleRange(SYMBOL, MINUTE, minutes(-n), minutes(n)) for n in range(60)]
    assert {each.onwards.candles for each in store.versions(many)} == {2}


def test_a_window_read_again_is_as_the_store_is(store: SeriesStore) -> None:
    write(store, *(candle(minute) for minute in range(40)))
    assert [c.open_time for c in store.candles(SYMBOL, MINUTE, newest=20)] == [minutes(n) for n in range(20, 40)]
    write(store, candle(35, "7"), candle(40), candle(41))
    again = store.candles(SYMBOL, MINUTE, newest=20)
    assert [c.open_time for c in again] == [minutes(n) for n in range(22, 42)]
    assert again[-7].close == 7
    frame = store.candle_frame(SYMBOL, MINUTE, newest=20)
    assert list(frame["close"]) == [float(c.close) for c in again]
    assert list(frame.index) == [c.open_time for c in again]
    assert store.newest_open_time(SYMBOL, MINUTE) == minutes(41)


def test_a_frame_belongs_to_the_caller(store: SeriesStore) -> None:
    write(store, *(candle(minute) for minute in range(20)))
    frame = store.candle_frame(SYMBOL, MINUTE, newest=15)
    frame.loc[:, "close"] = -1.0
    assert (store.candle_frame(SYMBOL, MINUTE, newest=15)["close"] == float(candle().close)).all()


def test_several_who_fill_the_same_day_record_its_gaps_once_and_none_where_a_candle_has_come(
    store: SeriesStore,
) -> None:
    """A backfill, a refresh's repair and the stream at the same time."""

    def fill(number: int) -> None:
        for round_ in range(5):
            store.record_gaps(
                SYMBOL,
                MINUTE,
                [Gap.between(minutes(10), minutes(20), MINUTE), Gap.between(minutes(30), minutes(30 + 10), MINUTE)],
                start=minutes(0),
                end=minutes(60),
                confirmed_at=minutes(100),
            )
            write(store, candle(10 + 5 * (number % 2) + round_))

    write(store, candle(0), candle(59))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(fill, range(4)))

    assert store.known_gaps(SYMBOL, MINUTE) == [Gap.between(minutes(30), minutes(40), MINUTE)]


def ticker(last: str, venue_minute: float = 0, received_minute: float = 0) -> Ticker:
    price = Decimal(last)
    return Ticker(SYMBOL, price - 1, price + 1, price, minutes(venue_minute), minutes(received_minute))


def test_the_latest_ticker_is_kept(store: SeriesStore) -> None:
    other = replace(ticker("3"), symbol="ETH/USDT")
    store.write_tickers([ticker("10", 1, 1), other])
    pushed = replace(ticker("11", 2, 2), source="stream")
    store.write_tickers([pushed])
    assert store.tickers([SYMBOL, "ETH/USDT", "NO/ONE"]) == {SYMBOL: pushed, "ETH/USDT": other}


def test_an_older_ticker_never_replaces_a_newer_one(store: SeriesStore) -> None:
    store.write_tickers([ticker("12", 2, 2), ticker("11", 1, 3)])
    store.write_tickers([ticker("10", 1, 4)])
    assert store.tickers([SYMBOL])[SYMBOL].last == 12


def test_while_the_venue_stands_still_the_price_is_refreshed(store: SeriesStore) -> None:
    store.write_tickers([ticker("10", 1, 1)])
    store.write_tickers([ticker("10", 1, 2)])
    assert store.tickers([SYMBOL])[SYMBOL].received_at == minutes(2)


def test_of_one_venue_time_the_price_received_last_counts_whichever_is_written_first(store: SeriesStore) -> None:
    together, later = ticker("10", 1, 2), ticker("13", 3, 5)
    store.write_tickers([together, ticker("11", 1, 1)])
    assert store.tickers([SYMBOL])[SYMBOL] == together
    store.write_tickers([later])
    store.write_tickers([ticker("14", 3, 4)])
    assert store.tickers([SYMBOL])[SYMBOL] == later


def test_a_price_from_the_future_is_forgotten_and_the_others_are_not(store: SeriesStore) -> None:
    other = replace(ticker("3", 2, 2), symbol="ETH/USDT")
    store.write_tickers([ticker("10", 1, 1), other])
    store.write_tickers([ticker("99", 60, 2)])
    assert store.tickers([SYMBOL])[SYMBOL].last == 99

    store.forget_tickers(minutes(2))
    assert store.tickers(["ETH/USDT"]) == {"ETH/USDT": other}  # whose time is the limit itself
    assert SYMBOL not in store.tickers([SYMBOL]) or store.tickers([SYMBOL])[SYMBOL].last == 10

    store.write_tickers([ticker("11", 2, 3)])
    assert store.tickers([SYMBOL])[SYMBOL].last == 11


def test_indicator_values_are_replaced_per_candle(store: SeriesStore) -> None:
    store.write_indicators(SYMBOL, MINUTE, {minutes(1): {"rsi_14": 50.0}, minutes(0): {"rsi_14": 1 / 3}})
    store.write_indicators(SYMBOL, MINUTE, {minutes(1): {"ema_12": 1.5}, minutes(2): {}})
    rows = store.indicators(SYMBOL, MINUTE, newest=5)
    assert list(rows.items()) == [(minutes(0), {"rsi_14": 1 / 3}), (minutes(1), {"ema_12": 1.5}), (minutes(2), {})]
    assert list(store.indicators(SYMBOL, MINUTE, newest=1)) == [minutes(2)]


def test_values_that_are_not_numbers_are_left_out(store: SeriesStore) -> None:
    store.write_indicators(SYMBOL, MINUTE, {START: {"rsi_14": float("nan"), "ema_12": 2.0, "slope": float("inf")}})
    assert store.indicators(SYMBOL, MINUTE, newest=1) == {START: {"ema_12": 2.0}}


def test_old_indicator_values_can_be_dropped(store: SeriesStore) -> None:
    for symbol in (SYMBOL, "ETH/USDT"):
        store.write_indicators(symbol, MINUTE, {minutes(number): {"ema_12": 1.0} for number in range(4)})
    assert store.prune_indicators(minutes(3)) == 6
    assert store.prune_indicators(minutes(3)) == 0
    assert list(store.indicators(SYMBOL, MINUTE, newest=9)) == [minutes(3)]


def gap(first: int, last: int) -> Gap:
    return Gap(minutes(first), minutes(last), last - first + 1)


def record(store: SeriesStore, *gaps: Gap, start: int = 0, end: int = 100, at: int = 200) -> None:
    store.record_gaps(SYMBOL, MINUTE, gaps, start=minutes(start), end=minutes(end), confirmed_at=minutes(at))


def test_holes_between_stored_candles_are_found(store: SeriesStore) -> None:
    assert store.missing_candles(SYMBOL, MINUTE, start=START) == []
    write(store, *(candle(minute) for minute in (0, 1, 5, 6, 8)))
    assert store.missing_candles(SYMBOL, MINUTE, start=START) == [gap(2, 4), gap(7, 7)]
    assert store.missing_candles(SYMBOL, MINUTE, start=minutes(7)) == [gap(7, 7)]
    assert store.missing_candles("ETH/USDT", MINUTE, start=START) == []


def test_a_hole_that_begins_before_the_start_is_found_whole(store: SeriesStore) -> None:
    write(store, candle(0), candle(10))
    assert store.missing_candles(SYMBOL, MINUTE, start=minutes(5)) == [gap(1, 9)]
    assert store.missing_candles(SYMBOL, MINUTE, start=minutes(10)) == []


def test_the_venues_own_gaps_are_remembered_with_the_time_they_were_confirmed(store: SeriesStore) -> None:
    record(store, gap(30, 40), gap(3, 4))
    assert store.known_gaps(SYMBOL, MINUTE) == [gap(3, 4), gap(30, 40)]
    assert [each.confirmed_at for each in store.known_gaps(SYMBOL, MINUTE)] == [minutes(200)] * 2
    assert store.known_gaps(SYMBOL, MINUTE, start=minutes(4), end=minutes(30)) == [gap(3, 4)]
    assert store.known_gaps(SYMBOL, MINUTE, start=minutes(5), end=minutes(30)) == []
    assert store.known_gaps(SYMBOL, MINUTE, start=minutes(40)) == [gap(30, 40)]
    assert store.known_gaps("ETH/USDT", MINUTE) == []
    assert store.known_gaps(SYMBOL, Interval.parse("5m")) == []


def test_what_was_recorded_of_a_range_is_replaced(store: SeriesStore) -> None:
    record(store, gap(10, 19), gap(50, 50))
    record(store, gap(12, 12), start=12, end=60, at=300)
    assert store.known_gaps(SYMBOL, MINUTE) == [gap(10, 11), gap(12, 12)]
    assert [each.confirmed_at for each in store.known_gaps(SYMBOL, MINUTE)] == [minutes(200), minutes(300)]
    record(store, start=11, end=12)
    assert store.known_gaps(SYMBOL, MINUTE) == [gap(10, 10), gap(12, 12)]


def test_a_candle_that_comes_late_ends_the_gap(store: SeriesStore) -> None:
    record(store, gap(10, 14), gap(50, 50))
    write(store, candle(12), candle(50), source="archive")
    assert store.known_gaps(SYMBOL, MINUTE) == [gap(10, 11), gap(13, 14)]
    write(store, *(candle(minute) for minute in (10, 11, 13, 14)))
    assert store.known_gaps(SYMBOL, MINUTE) == []


def test_a_stored_candle_is_never_recorded_as_missing(store: SeriesStore) -> None:
    write(store, candle(11))
    record(store, gap(10, 12))
    assert store.known_gaps(SYMBOL, MINUTE) == [gap(10, 10), gap(12, 12)]


def test_the_candles_of_a_day_are_counted(store: SeriesStore) -> None:
    day = 24 * 60
    write(store, *(candle(minute) for minute in (0, 1, day - 1, day, 3 * day)))
    assert list(store.candles_per_day(SYMBOL, MINUTE).items()) == [
        (minutes(0).date(), 3),
        (minutes(day).date(), 1),
        (minutes(3 * day).date(), 1),
    ]
    assert store.candles_per_day(SYMBOL, MINUTE, start=minutes(1), end=minutes(day)) == {minutes(0).date(): 2}
    assert store.candles_per_day("ETH/USDT", MINUTE) == {}


def test_every_candle_knows_where_it_came_from(store: SeriesStore) -> None:
    write(store, candle(0), candle(1), source="stream")
    write(store, candle(1, "2"), candle(2), source="rest")
    write(store, candle(0), candle(3), source="aggregated")
    assert list(store.sources(SYMBOL, MINUTE, start=START, end=minutes(9)).items()) == [
        (minutes(0), "stream"),
        (minutes(1), "rest"),
        (minutes(2), "rest"),
        (minutes(3), "aggregated"),
    ]
    assert store.sources(SYMBOL, MINUTE, start=minutes(2), end=minutes(3)) == {minutes(2): "rest"}


def age(minute: float, value: float = 1.5, symbol: str = SYMBOL) -> MetricPoint:
    return MetricPoint(MetricName.PRICE_AGE_SECONDS, value, minutes(minute), symbol)


def test_metrics_come_back_ascending(store: SeriesStore) -> None:
    in_flight = MetricPoint(MetricName.ORDERS_IN_FLIGHT, 3, minutes(1))
    run = MetricPoint(MetricName.RUN_SECONDS, 0.25, minutes(1), "refresh")
    store.save_metrics([age(1), in_flight, run, age(0, 1 / 3), age(1, symbol="ETH/USDT")])
    store.save_metrics([])
    assert store.metrics(MetricName.PRICE_AGE_SECONDS, since=START) == [
        age(0, 1 / 3),
        age(1),
        age(1, symbol="ETH/USDT"),
    ]
    assert store.metrics(MetricName.PRICE_AGE_SECONDS, since=minutes(0.5)) == [age(1), age(1, symbol="ETH/USDT")]
    assert store.metrics(MetricName.ORDERS_IN_FLIGHT, since=minutes(1)) == [in_flight]
    assert store.metrics(MetricName.ORDERS_IN_FLIGHT, since=minutes(2)) == []
    assert store.metrics(MetricName.RUN_SECONDS, since=START) == [run]
    assert store.metrics(MetricName.EQUITY_QUOTE, since=START) == []


def test_a_metric_measured_twice_at_the_same_time_is_one(store: SeriesStore) -> None:
    store.save_metrics([age(0), age(1), age(1, 2.0)])
    store.save_metrics([age(1, 3.0), age(2)])
    assert store.metrics(MetricName.PRICE_AGE_SECONDS, since=START) == [age(0), age(1, 3.0), age(2)]


def test_times_of_metrics_are_kept_to_the_millisecond(store: SeriesStore) -> None:
    at = START + timedelta(microseconds=1_234_567)
    measured = MetricPoint(MetricName.EQUITY_QUOTE, 84.54, at)
    store.save_metrics([measured])
    assert store.metrics(MetricName.EQUITY_QUOTE, since=START) == [measured]
    assert measured.at == START + timedelta(milliseconds=1_234)


def test_old_metrics_can_be_dropped(store: SeriesStore) -> None:
    run = MetricPoint(MetricName.RUN_SECONDS, 1, minutes(0), "trade")
    store.save_metrics([run, *(age(number) for number in range(4))])
    store.write_tickers([Ticker(SYMBOL, Decimal(1), Decimal(2), Decimal(1), START, START)])
    assert store.prune_metrics(minutes(3)) == 4
    assert store.prune_metrics(minutes(3)) == 0
    assert store.metrics(MetricName.PRICE_AGE_SECONDS, since=START) == [age(3)]
    assert list(store.tickers([SYMBOL])) == [SYMBOL]
