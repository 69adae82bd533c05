"""Telling the owner that a position stands without its stop, whatever keeps it from one (I6)."""

from __future__ import annotations

from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.ledger import Ledger
from trading_platform.services.base_there import is_left_behind
from trading_platform.services.closed_market import NO_STOP, tell_end
from trading_platform.services.standing import Standing
from trading_platform.settings import Settings

_NEWEST_ORDERS = 50


class ProtectionWatch:
    """Remembers since when positions have been without a stop.

    The trade runs see to stops, and tell what they find; this looks from outside, at the ledger alone: a run that fails
    each time, or one whose orders never arrive, tells nothing.

    Parameters
    ----------
    patience_seconds
        A stop that is being placed, or replaced by another, is no incident.
    """

    def __init__(self, patience_seconds: float) -> None:
        self._standing = Standing(patience_seconds)

    def look(self, ledger: Ledger, journal: HealthJournal, clock: Clock, settings: Settings) -> tuple[str, ...]:
        """Open an incident for each position that has stood without a stop for so long; close those that are over.

        Returns
        -------
        tuple of str
            Symbols of those positions.
        """
        account, wall = settings.account.name, clock.wall()
        if not settings.protection.enabled:
            return ()
        floor = settings.risk.notional_floor_quote
        positions = ledger.open_positions(account)
        left_behind = {p.symbol for p in positions if is_left_behind(ledger, p, floor)}
        held = {p.symbol for p in positions} - left_behind
        guarded = {order.symbol for order in ledger.unsettled_orders(account) if order.is_resting_stop}
        naked = self._standing.look(held - guarded, wall)
        for symbol, since in naked.items():
            why = _last_word(ledger, account, symbol)
            journal.open_incident(
                NO_STOP + symbol,
                f"No stop for {symbol}",
                f"it has been held without a stop since {since:%H:%M:%S} UTC, and it is tried again and again{why}",
                wall,
            )
        for incident in journal.open_incidents():
            symbol = incident.key.removeprefix(NO_STOP)
            if incident.key.startswith(NO_STOP) and (symbol in guarded or symbol not in held):
                tell_end(journal, symbol, wall, is_guarded=symbol in guarded, is_left_behind=symbol in left_behind)
        return tuple(sorted(naked))


def _last_word(ledger: Ledger, account: str, symbol: str) -> str:
    """What became of the newest stop, for the message."""
    stops = (o for o in ledger.recent_orders(account, _NEWEST_ORDERS) if o.symbol == symbol and o.kind.is_protective)
    newest = next(stops, None)
    events = ledger.order_events(newest.client_order_id) if newest else []
    return f". The last one: {events[-1].reason}" if events and events[-1].reason else ""
