"""Permission to trade real money: given by the owner to one account at one venue, and withdrawn again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class KeyPermissions:
    """What the venue lets an API key do.

    Parameters
    ----------
    is_bound_to_addresses
        Whether only some IP addresses may use it.
    """

    can_trade: bool
    can_withdraw: bool
    is_bound_to_addresses: bool

    @property
    def told(self) -> str:
        """In plain words."""
        bound = "bound to addresses" if self.is_bound_to_addresses else "usable from any address"
        return f"the key can {'' if self.can_trade else 'not '}trade, can't withdraw, is {bound}"


@dataclass(frozen=True)
class Arming:
    """The owner's permission, in force until `disarmed_at` (wall clock)."""

    account: str
    venue: str
    by: str
    note: str
    armed_at: datetime
    disarmed_at: datetime | None = None


def confirmation_phrase(account: str, venue: str) -> str:
    """What the owner must type to arm."""
    return f"trade real money with {account} on {venue}"
