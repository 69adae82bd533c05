"""What a market data stream has to say, one event at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_platform.domain.candle import Candle, Interval


@dataclass(frozen=True, slots=True)
class BookTop:
    """Best bid and ask.

    Parameters
    ----------
    update_id
        Grows with every change of the book; None where the venue counts none.
    last
        Price of the last trade, where the venue sends it along.
    """

    symbol: str
    bid: Decimal
    ask: Decimal
    received_at: datetime
    update_id: int | None = None
    last: Decimal | None = None


@dataclass(frozen=True, slots=True)
class TradePrint:
    """A public trade; ids of a symbol's trades grow, where the venue counts them."""

    symbol: str
    price: Decimal
    received_at: datetime
    trade_id: int | None = None


@dataclass(frozen=True, slots=True)
class CandleUpdate:
    """A candle as it stands.

    Parameters
    ----------
    is_closed
        The exchange has said so itself; by the clock alone no candle is closed.
    """

    symbol: str
    interval: Interval
    candle: Candle
    is_closed: bool
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message that couldn't be read exactly, of one of these symbols; what it held is left to REST."""

    symbols: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection of these symbols is gone, or couldn't be made; the stream is about to try again."""

    symbols: tuple[str, ...]
    why: str


StreamEvent = BookTop | TradePrint | CandleUpdate | Malformed | Disconnected
