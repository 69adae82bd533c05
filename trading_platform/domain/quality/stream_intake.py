"""What a stream delivers twice, late or broken. Warnings: the intake has kept it out, but the stream is unwell.

None of it can get into the store, whose key is series and open time, so it is counted where it arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from trading_platform.domain.check import Severity, Verdict
from trading_platform.domain.stream import StreamStatus


@dataclass(frozen=True)
class IntakeCounts:
    """Events of one symbol's stream that were kept out."""

    duplicates: int = 0
    out_of_order: int = 0
    malformed: int = 0


def counts_added(readings: Sequence[StreamStatus]) -> IntakeCounts:
    """What was counted between the first and the last of successive readings.

    Counters begin at 0 when the stream process starts: one that is lower than before counts from there.
    """

    def added(counter: str) -> int:
        values = [getattr(reading, counter) for reading in readings]
        return sum(later - earlier if later >= earlier else later for earlier, later in pairwise(values))

    return IntakeCounts(added("duplicates"), added("out_of_order"), added("malformed"))


def judge_intake(what: str, count: int, most: int, seconds: float) -> Verdict:
    """Whether no more than so many events of that kind came within so many seconds.

    Parameters
    ----------
    what
        The kind, as it reads after a number: ``events sent twice``.
    """
    verdict = "at most" if count <= most else "more than"
    reason = f"{count} {what} in {seconds:.0f} s, {verdict} {most}"
    return Verdict(count <= most, reason, Severity.WARNING)
