"""Candles that are missing. An error: indicators over a window with a hole are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from trading_platform.domain.candle import Gap, Interval, find_gaps, subtract_gaps
from trading_platform.domain.check import Verdict


def judge_gaps(open_times: Sequence[datetime], interval: Interval, known: Sequence[Gap] = ()) -> Verdict:
    """Whether ascending `open_times` have no hole but those that are `known` to be the venue's own.

    The venue's own holes, its outages, are told and pass: nothing could ever fill them, and a strategy must not stand
    still for as long as they are inside its window.
    """
    if not open_times:
        return Verdict(False, "no candle stored yet")
    holes = find_gaps(open_times, interval)
    unknown = subtract_gaps(holes, known, interval)
    venues_own = _count(holes) - _count(unknown)
    told = f"; {venues_own} more are missing at the venue itself" if venues_own else ""
    if unknown:
        last = f"the last hole ends at {unknown[-1].last_missing:%Y-%m-%d %H:%M} UTC"
        return Verdict(False, f"{_count(unknown)} candles missing, {last}{told}")
    return Verdict(True, f"no hole in the newest {len(open_times)} candles{told}")


def _count(gaps: Sequence[Gap]) -> int:
    return sum(gap.candles for gap in gaps)
