"""Whether stops and targets ask for a trade run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from trading_platform.domain.order import Order, OrderKind
from trading_platform.domain.protection import has_been_held_too_long, known_levels, trailed_stop
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import Ledger
from trading_platform.ports.series_store import SeriesStore
from trading_platform.services.base_there import is_left_behind
from trading_platform.services.close_positions import due_exit, next_exit_leg
from trading_platform.services.guard import Guard, guard_of, last_price
from trading_platform.services.known_prices import known_prices
from trading_platform.services.known_time import known_time
from trading_platform.services.put_off_signals import waits_for_its_market
from trading_platform.services.reconcile_balances import last_looked_at
from trading_platform.settings import Settings

NOT_SELLABLE = (ReasonCode.BELOW_EXCHANGE_MINIMUM, ReasonCode.NO_FRESH_PRICE)
"""Why what is too small for a stop isn't sold either."""

NEAR_LOOK_SECONDS = 2.0
"""Between two looks at a stop or target whose price is reached, or at a stop that may rise, on the wall clock.

By how much a stop can rise is known to a run only: it asks the venue for its grid of prices."""


def protection_waiting(ledger: Ledger, store: SeriesStore, clock: Clock, settings: Settings) -> str | None:
    """Why stops and targets want a trade run now, in a few words; None if they don't.

    What rests untouched is looked at every `protection.look_seconds`, more often once its price is reached, and after
    each candle of a stepped replay, so that a replay goes the same way however fast it is stepped.
    """
    account = settings.account.name
    unsettled = [order for order in ledger.unsettled_orders(account) if order.kind.is_protective]
    positions = ledger.open_positions(account)
    if not (unsettled or positions):
        return None
    orphans = {order.symbol for order in unsettled} - {position.symbol for position in positions}
    if orphans:
        return f"stops without a position: {', '.join(sorted(orphans))}"
    now, looked_at = known_time(ledger, clock, account), last_looked_at(ledger, account)
    looked_ago = None if looked_at is None else (now.wall - looked_at).total_seconds()
    if unsettled and _is_time(settings, looked_ago):
        return "stops to look at"
    if not settings.protection.enabled:
        return None
    tickers = known_prices(store, [position.symbol for position in positions])
    for position in positions:
        guard = guard_of(ledger, position)
        if guard is not None and not _waits_for_its_market(ledger, guard, now, settings):
            price = last_price(tickers, position.symbol, now.wall, settings.freshness.max_price_age_seconds)
            for why in _needs(ledger, guard, price, now, looked_ago, settings):
                return f"{position.symbol}: {why}"
    return None


def _waits_for_its_market(ledger: Ledger, guard: Guard, now: VenueTime, settings: Settings) -> bool:
    """Whether its stop, or the exit that is due instead of one, was put off a moment ago."""
    due = due_exit(ledger, guard.position, now.wall)
    signals = [guard.entry] if due is None else [guard.entry, due.signal]
    return any(waits_for_its_market(ledger, signal, now, settings) for signal in signals)


def _is_time(settings: Settings, looked_ago: float | None) -> bool:
    return settings.replay.step or looked_ago is None or looked_ago >= settings.protection.look_seconds


def _needs(
    ledger: Ledger,
    guard: Guard,
    price: Decimal | None,
    now: VenueTime,
    looked_ago: float | None,
    settings: Settings,
) -> Iterator[str]:
    rules, position = settings.protection.rules, guard.position
    if not guard.at_work:
        # what can't even be sold is looked at as seldom as what rests
        is_seldom = _is_too_small(ledger, guard, now, settings)
        if not guard.is_waiting(now.wall) and (not is_seldom or _is_time(settings, looked_ago)):
            yield from _unless_its_sale_waits(ledger, guard, now, "without a stop")
        return
    if any(order.filled_quantity or order.cancel_requested_at for order in guard.at_work):
        yield from _unless_its_sale_waits(ledger, guard, now, "its stop or target isn't whole any more")
    if looked_ago is not None and _was_bought_since(ledger, guard, now.wall - timedelta(seconds=looked_ago)):
        yield "more was bought than its stop covers"
    if has_been_held_too_long(position, now.now, rules):
        yield from _unless_its_sale_waits(ledger, guard, now, "held for too long")
    if price is None or looked_ago is None or looked_ago < NEAR_LOOK_SECONDS:
        return
    if _is_reached(guard.at_work, price):
        yield "its stop or target is reached"
    levels = known_levels(guard.attempts)
    entry_price = position.average_price
    if levels and entry_price and trailed_stop(levels.stop, entry_price, price, rules) is not None:
        yield "its stop can be raised"


def _is_too_small(ledger: Ledger, guard: Guard, now: VenueTime, settings: Settings) -> bool:
    """Whether the base has left, or a run has found the venue to take neither a stop nor a sale of what there is."""
    if is_left_behind(ledger, guard.position, settings.risk.notional_floor_quote):
        return True
    leg = next_exit_leg(ledger, guard.entry, now.wall)
    decided = ledger.decisions_about(guard.position.account, guard.entry.signal_id)
    return any(each.leg == str(leg) and each.reason in NOT_SELLABLE for each in decided)


def _was_bought_since(ledger: Ledger, guard: Guard, looked_at: datetime) -> bool:
    """Whether an entry has filled since its stop was placed and the newest run looked: news books fills between runs.

    A market order has its fills before its stop is placed, but for one that the venue leaves unfinished.
    """
    since = max(looked_at, *(order.created_at for order in guard.at_work))
    bit_by_bit = (o for o in guard.entries if o.kind is OrderKind.LIMIT or not o.status.is_final)
    return any(
        event.at > since and event.trade_ids
        for order in bit_by_bit
        for event in ledger.order_events(order.client_order_id)
    )


def _unless_its_sale_waits(ledger: Ledger, guard: Guard, now: VenueTime, why: str) -> Iterator[str]:
    if next_exit_leg(ledger, guard.entry, now.wall) is not None:
        yield why


def _is_reached(orders: Sequence[Order], price: Decimal) -> bool:
    return any(
        price <= order.stop_price if order.stop_price is not None else price >= (order.limit_price or price + 1)
        for order in orders
    )
