from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.candle import Gap, Interval, find_gaps, insane_candles, missing_within, subtract_gaps
from trading_platform_tests.support.examples import candle, minutes

NAMES = ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d"]
intervals = st.sampled_from(NAMES).map(Interval.parse)
moments = st.integers(0, 4_000_000_000_000).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))


@given(interval=intervals, moment=moments)
def test_every_moment_lies_in_the_candle_that_opened_at_its_floor(interval: Interval, moment: datetime) -> None:
    opened = interval.floor(moment)
    assert opened <= moment < interval.close_of(opened)
    assert opened.timestamp() % interval.seconds == 0
    assert interval.floor(opened) == opened


def test_intervals_ascend_and_tell_their_names() -> None:
    parsed = [Interval.parse(name) for name in NAMES]
    assert parsed == sorted(parsed)
    assert [str(interval) for interval in parsed] == NAMES


@pytest.mark.parametrize("name", ["", "7m", "1M", "60", "1w"])
def test_other_names_are_no_intervals(name: str) -> None:
    with pytest.raises(ValueError, match="is not an interval; known are 1m"):
        Interval.parse(name)


@given(interval=intervals, held=st.sets(st.integers(0, 60), min_size=1))
def test_gaps_are_exactly_what_is_missing(interval: Interval, held: set[int]) -> None:
    start = datetime(2025, 3, 1, tzinfo=UTC)
    times = [start + number * interval.length for number in sorted(held)]
    gaps = find_gaps(times, interval)
    missing = [gap.first_missing + number * interval.length for gap in gaps for number in range(gap.candles)]
    expected = sorted(set(range(min(held), max(held))) - held)
    assert missing == [start + number * interval.length for number in expected]
    assert all(gap.last_missing == gap.first_missing + (gap.candles - 1) * interval.length for gap in gaps)


def test_nothing_and_one_candle_have_no_gaps() -> None:
    assert find_gaps([], Interval.parse("1m")) == []
    assert find_gaps([minutes(0)], Interval.parse("1m")) == []


SANE = candle(0, "100")


@pytest.mark.parametrize(
    "change",
    [
        {"low": Decimal(0)},
        {"low": Decimal(101)},
        {"high": Decimal(99)},
        {"open": Decimal(111)},
        {"close": Decimal(89)},
        {"volume": Decimal("-0.1")},
        {"low": Decimal(-5), "open": Decimal(-4)},
    ],
)
def test_impossible_candles_are_found(change: dict[str, Decimal]) -> None:
    broken = replace(SANE, **change)  # type: ignore[arg-type]
    assert insane_candles([SANE, broken, SANE]) == [broken]


def test_a_candle_may_stand_still_without_volume() -> None:
    price = Decimal(5)
    assert replace(SANE, open=price, high=price, low=price, close=price, volume=Decimal(0)).is_sane()


def test_floor_keeps_the_zone() -> None:
    assert Interval.parse("1d").floor(minutes(5)).utcoffset() == timedelta(0)


MINUTE = Interval.parse("1m")
ranges = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=6)


def _gap(start: int, length: int) -> Gap:
    return Gap.between(minutes(start), minutes(start + length), MINUTE)


def _missing(gaps: list[Gap]) -> list[datetime]:
    return [gap.first_missing + number * MINUTE.length for gap in gaps for number in range(gap.candles)]


@given(holes=st.sets(st.integers(0, 70)), known=ranges)
def test_what_is_known_to_be_missing_is_taken_off(holes: set[int], known: list[tuple[int, int]]) -> None:
    held = [minutes(minute) for minute in range(-1, 72) if minute not in holes]
    left = find_gaps(held, MINUTE, [_gap(*each) for each in known])
    told = {minute for start, length in known for minute in range(start, start + length)}
    assert _missing(left) == [minutes(minute) for minute in sorted(holes - told)]
    assert all(gap.candles > 0 for gap in left)


def test_a_remainder_knows_when_its_gap_was_confirmed() -> None:
    [first, last] = subtract_gaps([replace(_gap(0, 9), confirmed_at=minutes(99))], [_gap(3, 2)], MINUTE)
    assert (first, last) == (_gap(0, 3), _gap(5, 4))
    assert {first.confirmed_at, last.confirmed_at} == {minutes(99)}


def test_what_is_missing_within_a_range_includes_its_edges() -> None:
    held = [minutes(minute) for minute in (-1, 2, 3, 9)]
    assert missing_within(held, MINUTE, minutes(0), minutes(6)) == [_gap(0, 2), _gap(4, 2)]
    assert missing_within([], MINUTE, minutes(0), minutes(6)) == [_gap(0, 6)]
    assert missing_within(held, MINUTE, minutes(2), minutes(4)) == []
