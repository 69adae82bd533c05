"""What an account rule says about an entry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_platform.domain.risk import ReasonCode


@dataclass(frozen=True)
class RuleVerdict:
    """Passed, or refused with a reason code, plain words and, where it can be told, until when.

    Parameters
    ----------
    rule
        Name of the rule, as it stands in the decision's details.
    code
        Why it was refused; None if it passed.
    until
        Venue time at which the refusal ends by itself; None if it isn't known.
    may_heal
        Whether the refusal may be over at the next look although nobody can say when: the entry is put off, not
        refused for good.
    room_quote
        The most that an entry which passes may cost; None for no bound.
    """

    rule: str
    reason: str
    code: ReasonCode | None = None
    until: datetime | None = None
    may_heal: bool = False
    room_quote: Decimal | None = None

    @property
    def passed(self) -> bool:
        """Whether the rule lets the entry be made."""
        return self.code is None
