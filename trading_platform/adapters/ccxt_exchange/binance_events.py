"""Binance's stream messages as events, read from the wire itself: ccxt drops whether a candle is closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from trading_platform.adapters.ccxt_exchange.failures import MalformedAnswer
from trading_platform.adapters.ccxt_exchange.wire_fields import Json, decimal_member, mapping, member, moment
from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.stream_event import BookTop, CandleUpdate, TradePrint

_CANDLE_FIELDS: Final = ("o", "h", "l", "c", "v")
_GOODBYE: Final = "serverShutdown"


@dataclass(frozen=True)
class Refused:
    """The exchange wouldn't subscribe."""

    why: str


@dataclass(frozen=True)
class Goodbye:
    """The exchange is about to close the connection."""


def stream_names(wire_symbol: str, intervals: tuple[Interval, ...]) -> list[str]:
    """Everything that is heard of one symbol: best prices, trades, candles."""
    symbol = wire_symbol.lower()
    return [f"{symbol}@bookTicker", f"{symbol}@trade", *(f"{symbol}@kline_{interval}" for interval in intervals)]


def read_message(
    message: Any, symbols: Mapping[str, str], received_at: datetime
) -> BookTop | TradePrint | CandleUpdate | Refused | Goodbye | None:
    """One message of the socket; None if it holds no data (an acknowledgement).

    Parameters
    ----------
    symbols
        Unified symbols by the exchange's own.

    Raises
    ------
    MalformedAnswer
        It can't be read exactly.
    """
    fields = mapping(message, "the message")
    fields = mapping(fields["data"], "the message's data") if "stream" in fields else fields
    if "error" in fields:
        error = mapping(fields["error"], "the error")
        return Refused(f"code {error.get('code')}: {error.get('msg')}"[:200])
    if "id" in fields and "result" in fields:
        return None
    event = fields.get("e")
    if event == _GOODBYE:
        return Goodbye()
    symbol = symbols.get(str(fields.get("s")))
    if symbol is None:
        raise MalformedAnswer("the message names no symbol that was asked for")
    if event == "kline":
        return _candle(symbol, mapping(fields.get("k"), "the candle"), received_at)
    if event == "trade":
        return _trade(symbol, fields, received_at)
    if event is None and "b" in fields and "a" in fields:
        return _book_top(symbol, fields, received_at)
    raise MalformedAnswer(f"{event!r} is no event that was asked for")


def _candle(symbol: str, fields: Json, received_at: datetime) -> CandleUpdate:
    closed = fields.get("x")
    if not isinstance(closed, bool):
        raise MalformedAnswer("the candle doesn't say whether it is closed")
    open_time = moment(member(fields, "t"), "the candle's open time")
    try:
        interval = Interval.parse(str(fields.get("i")))
    except ValueError as unknown:
        raise MalformedAnswer(str(unknown)) from None
    if interval.floor(open_time) != open_time:
        raise MalformedAnswer("the candle doesn't stand on its interval's grid")
    candle = Candle(open_time, *(decimal_member(fields, name) for name in _CANDLE_FIELDS))
    if not candle.is_sane():
        raise MalformedAnswer("the candle's prices or volume are impossible")
    return CandleUpdate(symbol, interval, candle, closed, received_at)


def _trade(symbol: str, fields: Json, received_at: datetime) -> TradePrint:
    price = decimal_member(fields, "p")
    if price <= 0:
        raise MalformedAnswer("the trade's price isn't positive")
    return TradePrint(symbol, price, received_at, _count(fields, "t"))


def _book_top(symbol: str, fields: Json, received_at: datetime) -> BookTop:
    bid, ask = decimal_member(fields, "b"), decimal_member(fields, "a")
    if not 0 < bid <= ask:
        raise MalformedAnswer("bid and ask are impossible")
    return BookTop(symbol, bid, ask, received_at, _count(fields, "u"))


def _count(fields: Json, name: str) -> int:
    number = member(fields, name)
    if type(number) is not int:
        raise MalformedAnswer(f"{name} is no number that counts")
    return number
