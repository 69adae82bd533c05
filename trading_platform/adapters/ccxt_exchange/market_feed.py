"""Public market data of any exchange that ccxt knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.adapters.ccxt_exchange.failures import MalformedAnswer
from trading_platform.adapters.ccxt_exchange.wire_fields import decimal, epoch_ms, mapping, moment, sequence
from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.market import Ticker

_OHLCV_FIELDS = ("open", "high", "low", "close", "volume")


class CcxtMarketFeed:
    """Tickers and candles over REST."""

    def __init__(self, client: CcxtClient) -> None:
        self._client = client

    def tickers(self, symbols: Sequence[str]) -> list[Ticker]:
        """Tickers of all `symbols` in one request; symbols without a two-sided price are left out."""
        for symbol in symbols:
            self._client.market(symbol)
        answer = self._client.read("tickers", lambda exchange: exchange.fetch_tickers(list(symbols)))
        received_at = datetime.now(UTC)
        found = (_ticker(symbol, answer.get(symbol), received_at) for symbol in symbols)
        return [ticker for ticker in found if ticker is not None]

    def candles(self, symbol: str, interval: Interval, since: datetime, limit: int) -> list[Candle]:
        """Up to `limit` candles that opened at or after `since`, ascending, exact decimals."""
        self._client.market(symbol)
        rows = self._client.read(
            f"candles of {symbol}",
            lambda exchange: exchange.fetch_ohlcv(symbol, interval.name, epoch_ms(since), limit),
        )
        candles = [_candle(row) for row in sequence(rows, "the list of candles")]
        wanted = [candle for candle in candles if candle.open_time >= since][:limit]
        for earlier, later in pairwise(wanted):
            if earlier.open_time >= later.open_time:
                raise MalformedAnswer(f"candles of {symbol} are not in ascending order")
        return wanted


def _ticker(symbol: str, answer: Any, received_at: datetime) -> Ticker | None:
    if answer is None:
        return None
    fields = mapping(answer, f"the ticker of {symbol}")
    if any(fields.get(name) is None for name in ("bid", "ask", "last")):
        return None
    bid, ask, last = (decimal(fields[name], f"{name} of {symbol}") for name in ("bid", "ask", "last"))
    if min(bid, ask, last) <= 0:
        return None
    timestamp = fields.get("timestamp")
    venue_time = received_at if timestamp is None else moment(timestamp, f"the time of {symbol}'s ticker")
    return Ticker(symbol, bid, ask, last, venue_time, received_at)


def _candle(row: Any) -> Candle:
    cells = sequence(row, "a candle")
    if len(cells) <= len(_OHLCV_FIELDS):
        raise MalformedAnswer("a candle lacks values")
    open_, high, low, close, volume = (
        decimal(cell, f"a candle's {name}") for name, cell in zip(_OHLCV_FIELDS, cells[1:], strict=False)
    )
    return Candle(moment(cells[0], "a candle's open time"), open_, high, low, close, volume)
