"""Why the venue holds other totals than the ledger: deposits and withdrawals of the owner's, or something unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from trading_platform.domain.errors import SymbolNotTraded
from trading_platform.domain.market import Ticker
from trading_platform.domain.transfer import BalanceDifference, Transfer, TransferKind, VenueTransfer
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.ledger import AccountState
from trading_platform.services.trading_desk import TradingDesk
from trading_platform.services.value_account import value_account

ZERO = Decimal(0)
LATENESS = timedelta(minutes=1)
"""A trade of shortly before the last agreement may have been in neither of the two totals."""

VENUE = "venue"
LOCKED = "less than our orders at rest hold: they can't all be there"


@dataclass(frozen=True)
class BalanceComparison:
    """The ledger's totals beside the venue's.

    Parameters
    ----------
    differences
        Beyond dust, in assets that the platform trades.
    transfers
        What explains them all; empty if they aren't explained, or if there are none.
    is_explained
        Whether the venue's totals may be adopted.
    """

    differences: tuple[BalanceDifference, ...]
    transfers: tuple[Transfer, ...]
    is_explained: bool


def compare_balances(desk: TradingDesk, state: AccountState, venue_totals: Mapping[str, Decimal]) -> BalanceComparison:
    """Compare, and explain what differs by more than `limits.dust_quote`.

    Assets that the platform neither trades nor holds are the owner's own affair, and no differences. A total below what
    our orders at rest hold is one however small, and nothing explains it: the venue locks what rests.
    """
    now = desk.clock.read()
    lacking = {asset for asset, held in state.balances.items() if venue_totals.get(asset, ZERO) < held.reserved}
    differing = _differences(desk, state, venue_totals, now, lacking)
    if not differing:
        return BalanceComparison((), (), is_explained=True)
    listed = desk.broker.transfers()
    new = [] if listed is None else _unbooked(desk, listed)
    explaining = None if lacking else _matching(new, differing, state, desk.settings.limits.dust_quote)
    if explaining is not None:
        return BalanceComparison(tuple(differing), _as_transfers(desk, explaining, new, now), is_explained=True)
    strangers = {each.asset: _strange_trades(desk, state, each.asset) for each in differing}
    if listed is None and not lacking and not any(strangers.values()):
        # the venue tells nothing of transfers, but of trades: what no trade explains can only be one
        moved = [_told_by_balance(each, now) for each in differing]
        return BalanceComparison(tuple(differing), _as_transfers(desk, moved, moved, now), is_explained=True)
    causes = {
        each.asset: LOCKED if each.asset in lacking else strangers[each.asset] or _cause(each, new)
        for each in differing
    }
    return BalanceComparison(tuple(_with_cause(each, causes[each.asset]) for each in differing), (), is_explained=False)


def opening_transfers(desk: TradingDesk, now: VenueTime) -> tuple[Transfer, ...]:
    """What came and went before the account was opened: remembered, so that it explains nothing later."""
    return tuple(
        _transfer(desk, each, TransferKind.OPENING, "before the account was opened", now)
        for each in desk.broker.transfers() or ()
    )


def adopted_transfers(
    desk: TradingDesk, differences: Sequence[BalanceDifference], reason: str, by: str, *, counts_as_result: bool
) -> tuple[Transfer, ...]:
    """Differences as the owner explains them.

    Parameters
    ----------
    counts_as_result
        As a profit or loss of the account; otherwise as the owner's own money, that no mark knows of.
    """
    now = desk.clock.read()
    booked = []
    worth = _worth(desk)
    for each in differences:
        kind = TransferKind.DEPOSIT if each.amount > 0 else TransferKind.WITHDRAWAL
        value = None if counts_as_result else each.value_quote
        booked.append(
            Transfer(
                account=desk.account,
                asset=each.asset,
                amount=each.amount,
                kind=TransferKind.ADJUSTMENT if counts_as_result else kind,
                reason=reason,
                by=by,
                venue_time=now.now,
                recorded_at=now.wall,
                amount_quote=value,
                equity_before_quote=worth,
            )
        )
        worth = None if worth is None else worth + (value or ZERO)
    return tuple(booked)


def _differences(
    desk: TradingDesk, state: AccountState, venue_totals: Mapping[str, Decimal], now: VenueTime, lacking: set[str]
) -> list[BalanceDifference]:
    ours = _traded_assets(desk, state) | lacking
    tickers = desk.store.tickers([f"{asset}/{state.quote}" for asset in sorted(ours - {state.quote})])
    found = []
    for asset in sorted(ours):
        held = state.balances[asset].total if asset in state.balances else ZERO
        there = venue_totals.get(asset, ZERO)
        if there == held:
            continue
        value = _value(asset, there - held, state.quote, tickers)
        if value is None or abs(value) > desk.settings.limits.dust_quote or asset in lacking:
            found.append(BalanceDifference(asset, held, there, value, "", now.wall, now.wall))
    return found


def _traded_symbols(desk: TradingDesk) -> list[str]:
    """Those of the settings, and those that they no longer name and that are still held."""
    return sorted({*desk.settings.market.symbols, *(p.symbol for p in desk.ledger.open_positions(desk.account))})


def _traded_assets(desk: TradingDesk, state: AccountState) -> set[str]:
    return {state.quote, *(symbol.partition("/")[0] for symbol in _traded_symbols(desk))}


def _value(asset: str, amount: Decimal, quote: str, tickers: Mapping[str, Ticker]) -> Decimal | None:
    if asset == quote:
        return amount
    ticker = tickers.get(f"{asset}/{quote}")
    return None if ticker is None else amount * ticker.bid


def _unbooked(desk: TradingDesk, listed: Sequence[VenueTransfer]) -> list[VenueTransfer]:
    known = desk.ledger.known_transfers(desk.account, [each.venue_id for each in listed])
    return sorted((each for each in listed if each.venue_id not in known), key=lambda each: each.time)


def _matching(
    new: Sequence[VenueTransfer], differing: Sequence[BalanceDifference], state: AccountState, dust: Decimal
) -> list[VenueTransfer] | None:
    """Those of the new transfers that add up to every difference: all of them, or those since the last agreement."""
    since, assets = state.reconciled_venue_time, {each.asset for each in differing}
    of_these = [each for each in new if each.asset in assets]
    for candidates in (of_these, [each for each in of_these if since is not None and each.time >= since]):
        if candidates and all(_explains(candidates, each, dust) for each in differing):
            return candidates
    return None


def _explains(candidates: Sequence[VenueTransfer], difference: BalanceDifference, dust: Decimal) -> bool:
    moved = sum((each.amount for each in candidates if each.asset == difference.asset), ZERO)
    if difference.value_quote is None:
        return moved == difference.amount
    return abs((difference.amount - moved) / difference.amount * difference.value_quote) <= dust


def _told_by_balance(difference: BalanceDifference, now: VenueTime) -> VenueTransfer:
    return VenueTransfer("", difference.asset, difference.amount, now.now)


def _as_transfers(
    desk: TradingDesk, explaining: Sequence[VenueTransfer], new: Sequence[VenueTransfer], now: VenueTime
) -> tuple[Transfer, ...]:
    """What explains the differences, with its worth; new ones that don't are remembered as older than the account."""
    worth, booked = _worth(desk), []
    quote = desk.settings.account.quote
    tickers = desk.store.tickers([f"{each.asset}/{quote}" for each in explaining if each.asset != quote])
    for each in explaining:
        value = _value(each.asset, each.amount, quote, tickers)
        reason = "listed by the venue" if each.venue_id else "no trade explains it, and the venue lists no transfers"
        booked.append(_transfer(desk, each, each.kind, reason, now, value, worth))
        worth = None if worth is None else worth + (value or ZERO)
    assets = {each.asset for each in explaining}
    others = [each for each in new if each not in explaining and each.asset in assets]
    return (
        *(_transfer(desk, each, TransferKind.OPENING, "explained no difference", now) for each in others),
        *booked,
    )


def _transfer(
    desk: TradingDesk,
    each: VenueTransfer,
    kind: TransferKind,
    reason: str,
    now: VenueTime,
    value: Decimal | None = None,
    worth: Decimal | None = None,
) -> Transfer:
    return Transfer(
        desk.account, each.asset, each.amount, kind, reason, VENUE, each.time, now.wall, value, worth, each.venue_id
    )


def _worth(desk: TradingDesk) -> Decimal | None:
    value = value_account(desk.ledger, desk.store, desk.clock, desk.account)
    return None if value is None else value.equity_quote


def _strange_trades(desk: TradingDesk, state: AccountState, asset: str) -> str:
    """Trades since the last agreement that the ledger has no order of, in words; empty if there are none."""
    since = state.reconciled_venue_time
    if since is None:
        return ""
    told = []
    for symbol in _traded_symbols(desk):
        if asset not in symbol.split("/"):
            continue
        try:
            trades = desk.broker.trades(symbol, since - LATENESS)
        except SymbolNotTraded:  # nor does it tell what was traded there
            continue
        known = desk.ledger.known_trades(desk.account, symbol, [fill.venue_trade_id for _, fill in trades])
        told += [
            f"{side} {fill.quantity} {symbol} at {fill.price} ({fill.time:%Y-%m-%d %H:%M:%S} UTC)"
            for side, fill in trades
            if fill.venue_trade_id not in known
        ]
    return f"a trade that the ledger doesn't know: {', '.join(told)}" if told else ""


def _cause(difference: BalanceDifference, new: Sequence[VenueTransfer]) -> str:
    listed = [each for each in new if each.asset == difference.asset]
    if not listed:
        return "the venue lists no transfer of it, and no trade that the ledger doesn't know"
    moved = ", ".join(f"{each.kind} of {abs(each.amount)}" for each in listed)
    return f"the venue lists {moved}, which isn't all of it"


def _with_cause(each: BalanceDifference, cause: str) -> BalanceDifference:
    return BalanceDifference(
        each.asset, each.ledger_total, each.venue_total, each.value_quote, cause, each.found_at, each.seen_at
    )
