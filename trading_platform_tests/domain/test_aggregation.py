"""Candles aggregated here are the exchange's own, to the last digit."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.aggregation import aggregate_candles
from trading_platform.domain.candle import Candle, Gap, Interval
from trading_platform.simulator.aggregation import klines
from trading_platform.simulator.config import SyntheticMarketConfig
from trading_platform.simulator.synthetic_market import SyntheticCandles
from trading_platform_tests.support.archives import recorded_candles
from trading_platform_tests.support.examples import MINUTE, START, candle, minutes

FIVE = Interval.parse("5m")
HIGHER = [Interval.parse(name) for name in ("5m", "15m", "1h")]
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
SYNTHETIC_MINUTES = 3000


def _recorded(folder: Path, symbol: str, interval: Interval, start: datetime, end: datetime) -> list[Candle]:
    with gzip.open(folder / f"{symbol}-{interval}.csv.gz", "rt", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        found = ((datetime.fromtimestamp(int(row[0]) // 1000, UTC), row) for row in rows)
        return [Candle(time, *map(Decimal, row[1:6])) for time, row in found if start <= time < end]


def _synthetic(symbol: str, interval: Interval) -> list[Candle]:
    start = 1_740_787_200_000
    source = SyntheticCandles(SyntheticMarketConfig(7, SYMBOLS, SYNTHETIC_MINUTES), start)
    end = start + SYNTHETIC_MINUTES * 60_000
    step = interval.seconds * 1000
    found = []
    for first in range(start, end, 1000 * step):
        found += klines(source.table(symbol, end), step, end, first, end - 1, 1000)
    return [Candle(datetime.fromtimestamp(kline[0] // 1000, UTC), *kline[1:6]) for kline in found]


def _pairs(symbol: str) -> tuple[list[Candle], dict[Interval, list[Candle]]]:
    """One-minute candles, and the exchange's own longer ones of the same time; synthetic where none are recorded."""
    minute, longer = recorded_candles("2025-03"), recorded_candles("2025-02")
    if minute is None or longer is None:
        return _synthetic(symbol, MINUTE), {interval: _synthetic(symbol, interval) for interval in HIGHER}
    start, end = datetime(2025, 3, 1, 3, tzinfo=UTC), datetime(2025, 4, 1, 3, tzinfo=UTC)
    return _recorded(minute, symbol, MINUTE, start, end), {
        interval: _recorded(longer, symbol, interval, start, end) for interval in HIGHER
    }


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_aggregates_are_the_exchanges_own_to_the_last_digit(symbol: str) -> None:
    candles, own = _pairs(symbol)
    for interval in HIGHER:
        made = aggregate_candles(candles, MINUTE, interval)
        assert len(made.candles) > 24
        assert made.candles == own[interval]
        assert (made.spanning_gaps, made.incomplete) == ([], [])


@pytest.mark.parametrize("interval", HIGHER)
def test_the_simulated_exchange_aggregates_alike(interval: Interval) -> None:
    """It does so in integers, with volumes of more kinds and the candle in progress: for speed, and apart from this."""
    assert aggregate_candles(_synthetic("SOLUSDT", MINUTE), MINUTE, interval).candles == _synthetic("SOLUSDT", interval)


def test_fifteen_minutes_made_of_five_are_the_same_as_of_one() -> None:
    candles, own = _pairs("BTCUSDT")
    fives = aggregate_candles(candles, MINUTE, FIVE).candles
    assert aggregate_candles(fives, FIVE, HIGHER[1]).candles == own[HIGHER[1]]


def test_an_outage_of_the_exchange_aggregates_to_what_it_published(tmp_path: Path) -> None:
    """2023-03-24: 80 minutes without a candle, and 16 without one of five minutes."""
    folder = recorded_candles("2023-03")
    if folder is None:
        held = [candle(minute) for minute in range(200) if not 60 <= minute < 140]
        start, own = START, []
    else:
        start = datetime(2023, 3, 24, 10, tzinfo=UTC)
        end = start + timedelta(hours=6)
        held = _recorded(folder, "BTCUSDT", MINUTE, start, end)
        own = _recorded(folder, "BTCUSDT", FIVE, start, end)
    made = aggregate_candles(held, MINUTE, FIVE)
    assert made.incomplete == []  # whole buckets are missing, none in part
    assert made.candles == (own or made.candles)
    times = [each.open_time for each in made.candles]
    assert (times[-1] - times[0]) // FIVE.length + 1 - len(times) == 16


@given(held=st.sets(st.integers(0, 59), min_size=1))
def test_only_complete_buckets_count(held: set[int]) -> None:
    made = aggregate_candles([candle(minute) for minute in sorted(held)], MINUTE, FIVE)
    whole = {bucket for bucket in range(12) if set(range(5 * bucket, 5 * bucket + 5)) <= held}
    begun = {minute // 5 for minute in held}
    assert [each.open_time for each in made.candles] == [minutes(5 * bucket) for bucket in sorted(whole)]
    assert made.incomplete == [minutes(5 * bucket) for bucket in sorted(begun - whole)]


def test_a_bucket_that_the_venue_itself_has_in_part_counts_and_says_so() -> None:
    held = [candle(minute, str(100 + minute)) for minute in (0, 1, 4, 5, 6, 7, 8, 9)]
    own_gap = [Gap(minutes(2), minutes(3), 2)]

    made = aggregate_candles(held, MINUTE, FIVE, own_gap)

    assert [each.open_time for each in made.candles] == [minutes(0), minutes(5)]
    assert made.spanning_gaps == [minutes(0)]
    assert (made.candles[0].close, made.candles[0].volume) == (104, 3 * candle().volume)
    assert aggregate_candles(held, MINUTE, FIVE, [Gap(minutes(2), minutes(2), 1)]).incomplete == [minutes(0)]


def test_a_sum_of_volumes_is_never_rounded() -> None:
    tiny = Decimal("0.00000000000000000001")
    held = [Candle(minutes(minute), *[Decimal(1)] * 4, Decimal(10) ** 12 + tiny) for minute in range(5)]
    [made] = aggregate_candles(held, MINUTE, FIVE).candles
    assert made.volume == 5 * 10**12 + Decimal("0.00000000000000000005")


@pytest.mark.parametrize(("base", "target"), [("5m", "1m"), ("5m", "5m"), ("2h", "3m"), ("4h", "6h")])
def test_only_longer_intervals_can_be_made(base: str, target: str) -> None:
    wanted: Sequence[Interval] = [Interval.parse(base), Interval.parse(target)]
    with pytest.raises(ValueError, match="can't be made of"):
        aggregate_candles([], *wanted)
