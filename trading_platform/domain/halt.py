"""The kill switch of an account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trading_platform.domain.signal import Signal
from trading_platform.domain.strategies.base import Direction

OWNER = "owner"
DRAWDOWN_RULE = "max_drawdown"
_FLATTEN = "flatten "


@dataclass(frozen=True)
class Halt:
    """Nothing is bought from `halted_at` until `resumed_at`; exits go on (I7).

    Parameters
    ----------
    number
        The how manieth halt of the ledger; None while it isn't stored.
    by
        `OWNER`, or the name of the rule that pulled the switch.
    flatten
        Whether every position is to be closed by market orders.
    halted_at, resumed_at
        Wall clock.
    venue_time, resumed_venue_time
        The same on the venue's clock.
    """

    account: str
    by: str
    reason: str
    halted_at: datetime
    venue_time: datetime
    flatten: bool = False
    number: int | None = None
    resumed_at: datetime | None = None
    resumed_venue_time: datetime | None = None
    resumed_by: str = ""
    resume_reason: str = ""

    @property
    def told(self) -> str:
        """The halt in plain words."""
        sold = "; whatever is held is sold" if self.flatten else ""
        return f"halted by {self.by} at {self.halted_at:%Y-%m-%d %H:%M:%S} UTC: {self.reason}{sold}"


def flatten_signal(halt: Halt, symbol: str, strategy: str) -> Signal:
    """The signal that sells a position because the account is to be flat; the same for every run.

    It is the position's own strategy's, so that the order finds its position, and of a version of its own, so that it
    is never mistaken for the strategy's verdict.
    """
    return Signal(
        account=halt.account,
        strategy=strategy,
        strategy_version=f"{_FLATTEN}{halt.number}",
        symbol=symbol,
        interval="-",
        candle_close=halt.venue_time,
        direction=Direction.SHORT,
        reason=f"flatten: {halt.reason}",
    )


def is_flatten_signal(signal: Signal) -> bool:
    """Whether a halt says it, and not a strategy: it counts only while that halt is in force."""
    return signal.strategy_version.startswith(_FLATTEN)
