"""Is an event new? Exchanges send some twice, and some late."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.stream_event import BookTop, CandleUpdate, TradePrint


class Novelty(Enum):
    """What an event is, compared with those before it."""

    NEW = "new"
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out of order"


class StreamOrder:
    """Remembers the newest of each kind of event of one symbol."""

    def __init__(self) -> None:
        self._newest_ids: dict[type, int] = {}
        self._closed: dict[Interval, Candle] = {}
        self._open: dict[Interval, datetime] = {}

    def forget(self) -> None:
        """A new connection begins with what is known already; the exchange may even have begun to count anew."""
        self._newest_ids.clear()
        self._open.clear()

    def judge(self, event: BookTop | TradePrint | CandleUpdate) -> Novelty:
        """Compare with the newest, and remember it."""
        if isinstance(event, CandleUpdate):
            return self._judge_candle(event)
        number = event.update_id if isinstance(event, BookTop) else event.trade_id
        if number is None:
            return Novelty.NEW
        newest = self._newest_ids.get(type(event))
        if newest is not None and number <= newest:
            return Novelty.DUPLICATE if number == newest else Novelty.OUT_OF_ORDER
        self._newest_ids[type(event)] = number
        return Novelty.NEW

    def _judge_candle(self, event: CandleUpdate) -> Novelty:
        closed = self._closed.get(event.interval)
        if event.is_closed:
            if closed is not None and event.candle == closed:
                return Novelty.DUPLICATE
            if closed is not None and event.candle.open_time < closed.open_time:
                return Novelty.OUT_OF_ORDER
            self._closed[event.interval] = event.candle
            return Novelty.NEW
        opened = self._open.get(event.interval, event.candle.open_time)
        self._open[event.interval] = max(opened, event.candle.open_time)
        is_late = event.candle.open_time < opened or (closed is not None and event.candle.open_time <= closed.open_time)
        return Novelty.OUT_OF_ORDER if is_late else Novelty.NEW
