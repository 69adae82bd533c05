"""Make the ledger's balances those of the venue, at moments when they can be compared, and only if that's explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import structlog

from trading_platform.domain.errors import RefuseTrade, RetryLater, SymbolNotTraded
from trading_platform.domain.halt import OWNER
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.position import Position
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.transfer import BalanceDifference, Transfer
from trading_platform.ports.ledger import AccountState, Ledger
from trading_platform.services.base_there import ZERO, base_there
from trading_platform.services.closed_market import why_closed
from trading_platform.services.explain_balances import (
    LOCKED,
    adopted_transfers,
    compare_balances,
    opening_transfers,
)
from trading_platform.services.look_at_venue_orders import look_at_venue_orders
from trading_platform.services.trading_desk import TradingDesk
from trading_platform.services.value_account import doubtful_prices

_LOOKS = 2
"""The second after booking what the first has shown."""

log = structlog.get_logger()


def reconcile_balances(desk: TradingDesk) -> bool:
    """Compare with the venue: dust and the owner's deposits and withdrawals are adopted, anything else stands.

    While an order is in flight the two can't be compared: the venue may have booked what the ledger hasn't yet. What
    lies still is not in flight: totals count what is locked for it, as the ledger has reserved it. The ledger refuses
    totals that were read before its own latest change, so a slow answer never undoes a booking. What rests is looked at
    after the balances were read: what rests with no new fill then hadn't traded before. An account that is new adopts
    whatever is there. A difference that nothing explains is recorded, stops entries and is told to the owner, until it
    is gone or adopted. Positions whose base has left hold what is left, once it is adopted.

    Returns
    -------
    bool
        Whether the ledger now agrees with the venue.
    """
    try:
        looked = _look(desk)
        if looked is not None and _compare(desk, *looked):
            return True
        _note_look(desk)
    except RetryLater as silence:
        log.warning("balances_not_reconciled", account=desk.account, why=str(silence))
    return False


def _look(desk: TradingDesk) -> tuple[AccountState, dict[str, Decimal]] | None:
    """The account, and the venue's totals; None while the two can't be compared."""
    for _ in range(_LOOKS):
        before = desk.ledger.account(desk.account)
        totals = {} if before.orders_in_flight else _venue_totals(desk)
        if look_at_venue_orders(desk) and not before.orders_in_flight:
            return before, totals
    return None


def _compare(desk: TradingDesk, before: AccountState, totals: dict[str, Decimal]) -> bool:
    if before.reconciled_at is None:
        return _adopt(desk, before, totals, opening_transfers(desk, desk.clock.read()))
    found = compare_balances(desk, before, totals)
    differences = found.differences
    if found.is_explained:
        waits = _why_it_waits(desk) if found.transfers else None
        if waits is None:
            return _adopt(desk, before, totals, found.transfers)
        differences = tuple(replace(each, cause=waits) for each in differences)
    if desk.ledger.account(desk.account).revision == before.revision:  # otherwise it may be no difference at all
        desk.ledger.record_differences(desk.account, differences)
    return False


def _why_it_waits(desk: TradingDesk) -> str | None:
    """Why what came or went can't be booked yet: its share of the account's worth would be told by an old price.

    The marks of drawdown are scaled by it. A pair that isn't traded now will have no price: it isn't waited for.
    """
    doubts = doubtful_prices(desk.ledger, desk.store, desk.clock, desk.settings)
    traded = (doubt for symbol, doubt in doubts.items() if why_closed(desk, symbol) is None)
    doubt = next(traded, None)
    return doubt and f"it is explained, and booked when the account's worth is known: {doubt}"


def adopt_differences(
    desk: TradingDesk, reason: str, *, counts_as_result: bool = False, by: str = OWNER
) -> tuple[BalanceDifference, ...]:
    """Make the venue's totals the ledger's because the owner says so; what was adopted.

    Parameters
    ----------
    counts_as_result
        As a profit or loss; otherwise as the owner's deposit or withdrawal.

    Raises
    ------
    RefuseTrade
        While an order is in flight or one at rest holds more than there is, or if the account changed meanwhile:
        nothing was adopted.
    """
    busy = RefuseTrade(
        ReasonCode.ORDER_IN_FLIGHT, "an order is in flight, so balances can't be compared: try again in a moment"
    )
    looked = _look(desk)  # a stop that was filled isn't the owner's withdrawal
    if looked is None:
        raise busy
    before, totals = looked
    found = compare_balances(desk, before, totals)
    held = [each.asset for each in found.differences if each.cause == LOCKED]
    if held:
        raise RefuseTrade(
            ReasonCode.BALANCE_DIFFERS,
            f"our orders at rest hold more {', '.join(held)} than the venue has: they are looked at every few seconds, "
            "and what isn't there any more is given up; try again then",
        )
    explained = found.transfers
    if not found.is_explained:
        explained = adopted_transfers(desk, found.differences, reason, by, counts_as_result=counts_as_result)
        listed = {transfer.asset for transfer in explained}
        # what the venue lists by now is a part of what the owner explains: it must not explain anything again
        explained = (*(each for each in opening_transfers(desk, desk.clock.read()) if each.asset in listed), *explained)
    if not _adopt(desk, before, totals, explained):
        raise busy
    return found.differences


def last_compared_at(ledger: Ledger, account: str) -> datetime | None:
    """Wall clock of the newest comparison with the venue, whether or not the two agreed; None before the first."""
    looks = [ledger.account(account).reconciled_at, *(each.seen_at for each in ledger.balance_differences(account))]
    return max(filter(None, looks), default=None)


def last_looked_at(ledger: Ledger, account: str) -> datetime | None:
    """Wall clock of the newest look at what rests, if none of it was looked at later than another; None before it."""
    compared_at = last_compared_at(ledger, account)
    guards = [order for order in ledger.unsettled_orders(account) if order.is_on_guard]
    looks = [max(filter(None, (compared_at, order.asked_at)), default=None) for order in guards] or [compared_at]
    return None if None in looks else min(filter(None, looks))


def _note_look(desk: TradingDesk) -> None:
    """Remember that what rests was looked at although the balances weren't found to agree; they tell it otherwise."""
    wall = desk.clock.wall()
    for order in desk.ledger.unsettled_orders(desk.account):
        if order.is_on_guard:
            desk.ledger.note_asked(order.client_order_id, wall)


def _venue_totals(desk: TradingDesk) -> dict[str, Decimal]:
    return {asset: balance.total for asset, balance in desk.broker.balances().items()}


def _adopt(desk: TradingDesk, before: AccountState, totals: dict[str, Decimal], transfers: Sequence[Transfer]) -> bool:
    short = [asset for asset, held in before.balances.items() if totals.get(asset, ZERO) < held.reserved]
    if short:  # what rests has reserved its fee, too, which the venue hasn't locked: it must end first
        log.warning("less_at_venue_than_reserved", account=desk.account, assets=short)
        return False
    now = desk.clock.read()
    adopted = desk.ledger.reconcile(
        desk.account, totals, at_revision=before.revision, at=now.wall, venue_time=now.now, transfers=transfers
    )
    if not adopted:
        return False
    if desk.ledger.balance_differences(desk.account):
        desk.ledger.record_differences(desk.account, ())
    _cut_positions(desk, now.now)
    return True


def _rules_of(desk: TradingDesk, position: Position) -> Instrument:
    """Of a pair that the venue lists no more, what is left closes its position where it isn't worth an order."""
    try:
        return desk.instrument(position.symbol)
    except SymbolNotTraded:
        price = position.average_price
        least = desk.settings.risk.notional_floor_quote / price if price else ZERO
        return replace(Instrument.unlisted(position.symbol), min_quantity=least)


def _cut_positions(desk: TradingDesk, venue_time: datetime) -> None:
    """Positions hold no more than there is; found in the ledger, so that the next run does what a killed one didn't."""
    for position in desk.ledger.open_positions(desk.account):
        if base_there(desk.ledger, position) < position.quantity:
            cut = desk.ledger.cut_position(desk.account, _rules_of(desk, position), venue_time)
            if cut is not None:
                log.warning("base_left_unsold", symbol=cut.symbol, gone=str(position.quantity - cut.quantity))
