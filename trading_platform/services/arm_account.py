"""Permission to trade real money: given with a typed phrase, for a key that can't take money away, and recorded."""

from __future__ import annotations

from trading_platform.domain.arming import Arming, KeyPermissions, confirmation_phrase
from trading_platform.domain.errors import FixSettings
from trading_platform.domain.halt import OWNER
from trading_platform.ports.broker import Broker
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import Ledger
from trading_platform.settings import Settings


def require_harmless_key(broker: Broker) -> KeyPermissions:
    """Make sure that the key can trade, and can't withdraw; what it may do.

    Raises
    ------
    FixSettings
        Otherwise: money that a stolen key could take away must not depend on this computer.
    """
    permissions = broker.key_permissions()
    if permissions.can_withdraw:
        raise FixSettings("the API key may withdraw money: take that right from it at the venue, then arm again")
    if not permissions.can_trade:
        raise FixSettings("the API key may not trade on the spot market: allow that at the venue, then arm again")
    return permissions


def arm_account(
    ledger: Ledger, broker: Broker, clock: Clock, account: str, quote: str, venue: str, confirmation: str
) -> Arming:
    """Permit real orders of the account at the venue; the recorded permission.

    Parameters
    ----------
    confirmation
        What the owner typed.

    Raises
    ------
    FixSettings
        If it isn't the phrase, the key may do too much or too little, or the account was opened on paper.
    """
    phrase = confirmation_phrase(account, venue)
    if confirmation.strip() != phrase:
        raise FixSettings(f"not armed: the confirmation must be exactly {phrase!r}")
    permissions = require_harmless_key(broker)
    wall = clock.wall()
    ledger.open_account(account, quote, "live", wall)
    arming = Arming(account, venue, OWNER, permissions.told, wall)
    ledger.arm(arming)
    return arming


def disarm_account(ledger: Ledger, clock: Clock, account: str) -> bool:
    """Withdraw the permission, at once; False if there was none. Exits go on (I7)."""
    return ledger.disarm(account, clock.wall())


def why_not_armed(ledger: Ledger, settings: Settings) -> str:
    """Why the account may not trade real money, in one line that says how to mend it; empty if it may."""
    account, venue = settings.account.name, settings.venue.name
    arming = ledger.arming(account)
    how = f"run 'trading-platform arm --account {account} --venue {venue}', or set account.mode = 'paper'"
    if arming is None:
        return f"account.mode = 'live', but {account} isn't armed: {how}"
    if arming.venue != venue:
        return f"{account} is armed for {arming.venue}, not for {venue}: {how}"
    return ""
