"""Well-formed values for tests, each with one thing or two of the test's own choosing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import Fill, Order, OrderReport, OrderStatus, Side
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Leg, LegKind, Signal, client_order_id
from trading_platform.domain.strategies.base import Direction
from trading_platform.ports.ledger import Decision

MINUTE = Interval.parse("1m")
START = datetime(2025, 3, 1, tzinfo=UTC)
ACCOUNT = "main"
SYMBOL = "BTC/USDT"
ENTRY = Leg(LegKind.ENTRY)
EXIT = Leg(LegKind.EXIT)


def minutes(number: float) -> datetime:
    """So many minutes after the start."""
    return START + timedelta(minutes=number)


def instrument(symbol: str = SYMBOL, **changes: Decimal) -> Instrument:
    """A pair with Binance's usual filters and a fee of ten in ten thousand."""
    base, quote = symbol.split("/")
    rules: dict[str, Decimal] = {
        "tick_size": Decimal("0.01"),
        "lot_step": Decimal("0.00001"),
        "min_quantity": Decimal("0.00001"),
        "max_quantity": Decimal(9000),
        "min_notional_quote": Decimal(5),
        "taker_fee_rate": Decimal("0.001"),
        "maker_fee_rate": Decimal("0.001"),
    }
    return Instrument(symbol=symbol, base=base, quote=quote, **(rules | changes))


def candle(minute: int = 0, close: str = "84705.64000000") -> Candle:
    """A sane candle that opened so many minutes after the start."""
    price = Decimal(close)
    return Candle(minutes(minute), price, price + 10, price - 10, price, Decimal("1.23456000"))


def signal(
    minute: int = 1, direction: Direction = Direction.LONG, symbol: str = SYMBOL, strategy: str = "trend_following"
) -> Signal:
    """A signal whose candle closed so many minutes after the start."""
    return Signal(ACCOUNT, strategy, "1", symbol, MINUTE.name, minutes(minute), direction, "a cross", {"rsi_14": 61.5})


def decision(
    about: Signal,
    leg: Leg = ENTRY,
    reason: ReasonCode = ReasonCode.APPROVED,
    *,
    is_final: bool = True,
    at: datetime = START,
    message: str = "because",
) -> Decision:
    """A decision about a signal."""
    return Decision(
        account=about.account,
        signal_id=about.signal_id,
        leg=str(leg),
        reason=reason,
        message=message,
        is_final=is_final,
        decided_at=at,
        venue_time=at,
        details={"sizing": ["one step"], "run_id": "manual"},
    )


def order(
    about: Signal,
    reserved: Decimal | str,
    *,
    side: Side = Side.BUY,
    quantity: Decimal | str = "0.001",
    leg: Leg | None = None,
    at: datetime = START,
) -> Order:
    """An intent for a signal: buys reserve quote, sells reserve base."""
    base, quote = about.symbol.split("/")
    chosen = leg or (ENTRY if side is Side.BUY else EXIT)
    return Order(
        client_order_id=client_order_id(about.signal_id, chosen),
        account=about.account,
        signal_id=about.signal_id,
        leg=str(chosen),
        strategy=about.strategy,
        symbol=about.symbol,
        side=side,
        quantity=Decimal(quantity),
        status=OrderStatus.INTENDED,
        filled_quantity=Decimal(0),
        reserved_asset=quote if side is Side.BUY else base,
        reserved_amount=Decimal(reserved),
        created_at=at,
        submitted_at=None,
    )


def fill(
    trade_id: str,
    quantity: Decimal | str,
    price: Decimal | str = "50000",
    *,
    fee: Decimal | str = "0",
    fee_asset: str = "BTC",
    at: datetime = START,
) -> Fill:
    """One trade."""
    return Fill(trade_id, Decimal(price), Decimal(quantity), Decimal(fee), fee_asset, at)


def report(about: Order, status: OrderStatus, *fills: Fill, filled: Decimal | None = None) -> OrderReport:
    """What the venue says of an order; the filled quantity is that of the fills unless it is given."""
    quantity = sum((each.quantity for each in fills), Decimal(0)) if filled is None else filled
    return OrderReport(about.client_order_id, about.symbol, "venue-1", status, quantity, fills)
