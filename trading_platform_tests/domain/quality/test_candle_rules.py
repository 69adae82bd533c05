"""Holes and impossible values, told in plain words."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.candle import Gap, find_gaps
from trading_platform.domain.check import Severity
from trading_platform.domain.quality import judge_gaps, judge_sanity
from trading_platform_tests.domain.quality.series import priced, recorded
from trading_platform_tests.support.examples import MINUTE, minutes

held_minutes = st.sets(st.integers(0, 60), min_size=2).map(sorted)


def times(numbers: list[int]) -> list[datetime]:
    return [minutes(number) for number in numbers]


@given(held=held_minutes)
def test_a_hole_fails_unless_it_is_known_to_be_the_venues(held: list[int]) -> None:
    missing = held[-1] - held[0] + 1 - len(held)
    verdict = judge_gaps(times(held), MINUTE)
    known = judge_gaps(times(held), MINUTE, find_gaps(times(held), MINUTE))

    assert (verdict.passed, verdict.severity) == (missing == 0, Severity.ERROR)
    assert known.passed
    assert missing == 0 or verdict.reason.startswith(f"{missing} candles missing")
    assert missing == 0 or f"{missing} more are missing at the venue itself" in known.reason


def test_a_hole_that_is_longer_than_the_known_one_fails_for_the_rest() -> None:
    known = Gap(minutes(3), minutes(4), 2)

    verdict = judge_gaps(times([0, 1, 2, 6, 7]), MINUTE, [known])

    assert not verdict.passed
    assert verdict.reason == (
        "1 candles missing, the last hole ends at 2025-03-01 00:05 UTC; 2 more are missing at the venue itself"
    )


def test_a_known_hole_elsewhere_excuses_nothing() -> None:
    assert not judge_gaps(times([0, 2]), MINUTE, [Gap(minutes(50), minutes(60), 11)]).passed


def test_the_recorded_outage_is_a_hole_until_it_is_known() -> None:
    open_times = [candle.open_time for candle in recorded("2023-03", "BTCUSDT-1m")]
    [hole] = find_gaps(open_times, MINUTE)

    assert judge_gaps(open_times, MINUTE).reason.startswith("80 candles missing")
    assert judge_gaps(open_times, MINUTE, [hole]).passed


def test_nothing_stored_passes_no_rule() -> None:
    assert not judge_gaps([], MINUTE).passed
    assert not judge_sanity([]).passed


def test_an_impossible_candle_is_an_error() -> None:
    candles = priced([100.0] * 10)
    verdict = judge_sanity([*candles[:-1], priced([-1.0] * 10)[-1]])

    assert (verdict.passed, verdict.severity) == (False, Severity.ERROR)
    assert verdict.reason == "impossible prices in 1 candles, first at 2025-03-01 00:09 UTC"
    assert judge_sanity(candles).passed
