"""The difference between the venue's wall clock and ours.

An error beyond the limit: signed orders carry our time, and a venue refuses those that are older than the receive
window, or (Binance) more than a second ahead of its own clock; an order whose fate is unknown is declared dead by our
clock. So beyond half the receive window nothing new is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trading_platform.domain.check import Severity, Verdict


@dataclass(frozen=True)
class ClockOffset:
    """One measurement of the venue's wall clock against ours; a replay's market time is another matter.

    Parameters
    ----------
    offset_seconds
        Venue less ours: positive if the venue is ahead.
    uncertainty_seconds
        The true difference lies within so much of it: half of the round trip.
    measured_at
        Our wall clock.

    Notes
    -----
    With our time T1 when the question left, the venue's time T when it answered, and our time T4 when the answer
    arrived: offset = T - (T1 + T4) / 2, and the error is at most (T4 - T1) / 2, however the way is split between the
    two directions (Cristian, "Probabilistic clock synchronization", 1989; RFC 5905, section 8, with T2 = T3).
    """

    offset_seconds: float
    uncertainty_seconds: float
    measured_at: datetime

    @property
    def certain_seconds(self) -> float:
        """By how much the clocks differ at least."""
        return max(0.0, abs(self.offset_seconds) - self.uncertainty_seconds)


def judge_clock(offset: ClockOffset | None, *, warning_seconds: float, max_seconds: float) -> Verdict:
    """Whether the clocks agree; only what is certain counts as drift, so that a slow answer isn't one.

    Parameters
    ----------
    offset
        None if the venue doesn't tell its time.
    """
    if offset is None:
        return Verdict(True, "the venue doesn't tell its time")
    side = "ahead of" if offset.offset_seconds > 0 else "behind"
    measured = (
        f"the venue's clock is {abs(offset.offset_seconds):.3f} s {side} ours, give or take "
        f"{offset.uncertainty_seconds:.3f} s"
    )
    if offset.certain_seconds > max_seconds:
        return Verdict(False, f"{measured}, beyond the limit of {max_seconds:g} s")
    if offset.certain_seconds > warning_seconds:
        return Verdict(False, f"{measured}, more than {warning_seconds:g} s", Severity.WARNING)
    if offset.uncertainty_seconds > max_seconds:
        return Verdict(False, f"{measured}: its answers take too long to tell more", Severity.WARNING)
    return Verdict(True, measured)
