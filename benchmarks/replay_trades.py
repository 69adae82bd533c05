"""What an account did in a replay, told from its ledger: trades, refusals, halts, drawdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_platform.domain.order import Fill, Order, Side
from trading_platform.domain.position import Position
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Leg, LegKind
from trading_platform.ports.ledger import EquityPoint, Ledger

ALL = 1_000_000


@dataclass(frozen=True)
class Trade:
    """A position from its first buy to its last sell.

    Parameters
    ----------
    why
        ``stop``, ``target``, ``signal`` or what the platform itself sold it for; ``open`` while it is held.
    told
        The ledger's words for it.
    """

    symbol: str
    strategy: str
    opened_at: datetime
    closed_at: datetime | None
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal | None
    stop_price: Decimal | None
    why: str
    told: str
    pnl_quote: Decimal
    fees_quote: Decimal


def trades_of(ledger: Ledger, account: str, strategies: Sequence[str]) -> list[Trade]:
    """Every trade of the account, by the time it was opened."""
    positions = [p for name in strategies for p in ledger.closed_trades(account, ALL, strategy=name)]
    positions += ledger.open_positions(account)
    return sorted((_trade(ledger, each) for each in positions), key=lambda trade: trade.opened_at)


def _trade(ledger: Ledger, position: Position) -> Trade:
    orders = [order for order in ledger.orders_of_position(position) if order.filled_quantity]
    filled = [(order, fill) for order in orders for fill in ledger.fills_of(order.client_order_id)]
    bought = [fill for order, fill in filled if order.side is Side.BUY]
    sold = [fill for order, fill in filled if order.side is Side.SELL]
    last = max((order for order in orders if order.side is Side.SELL), key=lambda o: _end(ledger, o), default=None)
    stops = [o for o in ledger.orders_of_position(position) if Leg.parse(o.leg).kind is LegKind.STOP]
    why, told = ("open", "") if position.is_open or last is None else _why(ledger, position, last)
    return Trade(
        position.symbol,
        position.strategy,
        position.opened_at,
        position.closed_at,
        position.bought_quantity,
        _price(bought) or Decimal(0),
        _price(sold),
        stops[-1].stop_price if stops else None,
        why,
        told,
        position.realized_pnl_quote,
        sum((_fee_in_quote(fill, position.symbol) for _, fill in filled), Decimal(0)),
    )


def _end(ledger: Ledger, order: Order) -> datetime:
    return max(fill.time for fill in ledger.fills_of(order.client_order_id))


def _why(ledger: Ledger, position: Position, last: Order) -> tuple[str, str]:
    """An exit of the entry's own signal is the platform's doing: held too long, or without a stop."""
    kind = Leg.parse(last.leg).kind
    told = [d.message for d in ledger.decisions_about(position.account, last.signal_id) if d.leg == last.leg]
    message = told[-1] if told else ""
    if kind in (LegKind.STOP, LegKind.TARGET):
        raised = kind is LegKind.STOP and Leg.parse(last.leg).attempt > 1
        return ("raised stop" if raised else str(kind)), message
    entry = ledger.entry_signal(position)
    is_own_doing = entry is not None and entry.signal_id == last.signal_id
    return ("platform" if is_own_doing else "signal"), message


def _price(fills: Sequence[Fill]) -> Decimal | None:
    quantity = sum((fill.quantity for fill in fills), Decimal(0))
    return sum((fill.quote_amount for fill in fills), Decimal(0)) / quantity if quantity else None


def _fee_in_quote(fill: Fill, symbol: str) -> Decimal:
    return fill.fee * fill.price if fill.fee_asset == symbol.partition("/")[0] else fill.fee


def refusals(ledger: Ledger, account: str) -> tuple[Counter[str], Counter[str]]:
    """How often entries were refused or put off, by reason; and how often each account rule said no.

    A put-off entry counts once per signal and reason, however many runs looked at it.
    """
    decisions = ledger.recent_decisions(account, ALL)
    reasons = Counter(str(each.reason) for each in decisions if each.reason is not ReasonCode.APPROVED)
    rules = Counter(
        str(asked["rule"])
        for each in decisions
        for asked in each.details.get("protections", [])
        if asked["verdict"] == "refused"
    )
    return reasons, rules


@dataclass(frozen=True)
class Drawdown:
    """The deepest fall of the equity below its highest point until then."""

    share: Decimal
    peak_at: datetime
    lowest_at: datetime


def daily_equity(points: Sequence[EquityPoint]) -> list[dict[str, str]]:
    """Of each day (UTC): equity at its end, and the lowest and highest within it."""
    days: dict[str, list[Decimal]] = {}
    for point in points:
        days.setdefault(f"{point.venue_time:%Y-%m-%d}", []).append(point.equity_quote)
    return [
        {"day": day, "end": f"{worth[-1]:.4f}", "lowest": f"{min(worth):.4f}", "highest": f"{max(worth):.4f}"}
        for day, worth in days.items()
    ]


def deepest_drawdown(points: Sequence[EquityPoint]) -> Drawdown | None:
    """None without points."""
    deepest: Drawdown | None = None
    peak = points[0] if points else None
    for point in points:
        assert peak is not None
        if point.equity_quote > peak.equity_quote:
            peak = point
        share = 1 - point.equity_quote / peak.equity_quote
        if deepest is None or share > deepest.share:
            deepest = Drawdown(share, peak.venue_time, point.venue_time)
    return deepest
