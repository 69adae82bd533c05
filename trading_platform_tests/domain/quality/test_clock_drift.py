"""Only what is certain is drift; beyond the limit it is an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.check import Severity, Verdict
from trading_platform.domain.quality import ClockOffset, judge_clock
from trading_platform_tests.support.examples import START

ERROR, WARNING = Severity.ERROR, Severity.WARNING


def judge(offset: float, uncertainty: float = 0.0) -> Verdict:
    return judge_clock(ClockOffset(offset, uncertainty, START), warning_seconds=1, max_seconds=2.5)


@pytest.mark.parametrize(
    ("offset", "uncertainty", "severity"),
    [
        (0.0, 0.01, None),
        (1.0, 0.0, None),
        (1.1, 0.0, WARNING),
        (-1.1, 0.0, WARNING),
        (2.5, 0.0, WARNING),
        (2.6, 0.0, ERROR),
        (-3.0, 0.02, ERROR),
        (2.6, 0.5, WARNING),  # perhaps 2.1 only
        (1.2, 0.5, None),
        (0.0, 2.6, WARNING),  # too coarse to tell
        (9.0, 3.0, ERROR),
    ],
)
def test_the_limits(offset: float, uncertainty: float, severity: Severity | None) -> None:
    verdict = judge(offset, uncertainty)

    assert verdict.passed is (severity is None)
    assert severity in (None, verdict.severity)


@given(drift=st.floats(-100, 100), way=st.floats(0, 10), share=st.floats(0, 1))
def test_a_slow_way_is_never_taken_for_drift(drift: float, way: float, share: float) -> None:
    """However the round trip is split between there and back, the certain part is no more than the truth."""
    told_at = share * way + drift  # the venue's clock when it answers; ours showed 0 when the question left
    measured = ClockOffset(told_at - way / 2, way / 2, START)

    assert measured.certain_seconds <= abs(drift) + 1e-9


def test_it_says_which_clock_is_ahead_and_how_sure_that_is() -> None:
    assert judge(-3, 0.02).reason == (
        "the venue's clock is 3.000 s behind ours, give or take 0.020 s, beyond the limit of 2.5 s"
    )
    assert "ahead of ours" in judge(3).reason


def test_a_venue_that_tells_no_time_is_not_judged() -> None:
    assert judge_clock(None, warning_seconds=1, max_seconds=2.5).passed
