"""What streams deliver twice, late, broken or otherwise than REST: always a warning."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.check import Severity
from trading_platform.domain.quality import (
    IntakeCounts,
    compare_candles,
    counts_added,
    judge_agreement,
    judge_intake,
)
from trading_platform.domain.stream import StreamState, StreamStatus
from trading_platform_tests.domain.quality.series import priced
from trading_platform_tests.support.examples import START, SYMBOL

STATUS = StreamStatus(SYMBOL, StreamState.LIVE, "data flows", START, START, START)


@given(added=st.lists(st.integers(0, 9), max_size=8))
def test_what_was_added_between_looks_is_counted_whatever_was_before(added: list[int]) -> None:
    readings = [replace(STATUS, duplicates=40 + sum(added[:looks])) for looks in range(len(added) + 1)]

    assert counts_added(readings).duplicates == sum(added)


@given(before=st.lists(st.integers(1, 9), min_size=1, max_size=8), after=st.integers(0, 9))
def test_a_restarted_stream_counts_from_nothing(before: list[int], after: int) -> None:
    readings = [replace(STATUS, malformed=10 + sum(before[:looks])) for looks in range(len(before) + 1)]

    assert counts_added([*readings, replace(STATUS, malformed=after)]).malformed == sum(before) + after


def test_counters_are_told_apart() -> None:
    later = replace(STATUS, duplicates=3, out_of_order=2, malformed=1)

    assert counts_added([STATUS, later]) == IntakeCounts(3, 2, 1)
    assert counts_added([later, replace(STATUS, duplicates=1)]) == IntakeCounts(1, 0, 0)
    assert counts_added([later]) == counts_added([]) == IntakeCounts()


@given(count=st.integers(0, 100), most=st.integers(0, 100))
def test_more_than_the_limit_is_a_warning(count: int, most: int) -> None:
    verdict = judge_intake("events sent twice", count, most, 300)

    assert (verdict.passed, verdict.severity) == (count <= most, Severity.WARNING)
    assert verdict.reason.startswith(f"{count} events sent twice in 300 s")


@given(
    place=st.integers(0, 9),
    field=st.sampled_from(["open", "high", "low", "close", "volume"]),
    change=st.decimals(min_value="0.00000001", max_value=5, places=8),
)
def test_every_difference_is_found_with_both_values(place: int, field: str, change: Decimal) -> None:
    streamed = priced([100.0] * 10)
    by_rest = list(streamed)
    by_rest[place] = replace(by_rest[place], **{field: getattr(by_rest[place], field) + change})  # type: ignore[arg-type]

    [difference] = compare_candles(streamed, by_rest)
    verdict = judge_agreement([difference], 10, START)

    assert (difference.open_time, difference.field) == (streamed[place].open_time, field)
    assert (verdict.passed, verdict.severity) == (False, Severity.WARNING)
    assert difference.rest == difference.stream + change
    stream, rest = str(difference).split(": stream ")[1].split(", REST ")
    assert (Decimal(stream), Decimal(rest)) == (difference.stream, difference.rest)
    assert str(difference) in verdict.reason


def test_a_candle_that_rest_lacks_is_a_difference() -> None:
    streamed = priced([100.0] * 3)

    [difference] = compare_candles(streamed, streamed[:2])

    assert (difference.open_time, difference.rest) == (streamed[2].open_time, None)
    assert "REST nothing" in str(difference)


def test_the_same_candles_agree_and_trailing_zeros_are_no_difference() -> None:
    streamed = priced([100.0] * 3)
    by_rest = [replace(candle, close=Decimal("100")) for candle in streamed]

    assert compare_candles(streamed, by_rest) == []
    assert judge_agreement([], 3, START).passed


def test_of_many_differences_a_few_are_told() -> None:
    streamed = priced([100.0] * 10)
    differences = compare_candles(streamed, [replace(candle, volume=Decimal(2)) for candle in streamed])

    assert judge_agreement(differences, 10, START).reason.endswith("; 7 more")
