"""Why an order was sent or a signal refused, and what came of it: from the candles to the result, as recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.errors import FixSettings
from trading_platform.domain.halt import is_flatten_signal
from trading_platform.domain.indicators import PRICE_COLUMNS, IndicatorSpec, compute_indicators
from trading_platform.domain.order import Fill, Order
from trading_platform.domain.order_machine import OrderEvent
from trading_platform.domain.position import Position
from trading_platform.domain.signal import Signal
from trading_platform.domain.strategies.base import Direction
from trading_platform.ports.ledger import Decision, HeldReservation, Ledger
from trading_platform.ports.series_store import SeriesStore

_SHOWN_MATCHES = 5


@dataclass(frozen=True)
class JudgedCandles:
    """The window that the signal was judged on, as it is stored now.

    Parameters
    ----------
    candle
        The judged one; None if it isn't stored any more, or if a halt said it and no strategy.
    source
        Where it came from.
    first_open, count, sources
        Of the whole window: how many candles came from where.
    indicators
        Values at the judged candle, computed again by the same functions over the same window (I10).
    """

    candle: Candle | None
    source: str | None
    first_open: datetime | None
    count: int
    sources: Mapping[str, int]
    indicators: Mapping[str, float]


@dataclass(frozen=True)
class OrderStory:
    """An order from the intent to its end."""

    order: Order
    reservation: HeldReservation | None
    events: Sequence[OrderEvent]
    fills: Sequence[Fill]

    @property
    def average_price(self) -> Decimal | None:
        """What its fills cost or brought per unit."""
        filled = sum((fill.quantity for fill in self.fills), Decimal(0))
        return sum((fill.quote_amount for fill in self.fills), Decimal(0)) / filled if filled else None


@dataclass(frozen=True)
class Explanation:
    """One signal and all that followed from it.

    Parameters
    ----------
    position
        The one that it opened, or said to close; None if there is none.
    orders
        Its own and, where it opened a position, those that closed it; oldest first.
    changed_evidence
        Indicators whose value at the signal isn't what its candles give now (signal's value, value now): a candle has
        been corrected since.
    """

    signal: Signal
    candles: JudgedCandles
    changed_evidence: Mapping[str, tuple[float, float]]
    decisions: Sequence[Decision]
    orders: Sequence[OrderStory]
    position: Position | None


def explain(
    ledger: Ledger,
    store: SeriesStore,
    account: str,
    name: str,
    specs: Sequence[IndicatorSpec],
    window_candles: int,
) -> Explanation:
    """Gather what is known of a signal, or of the signal behind an order.

    Parameters
    ----------
    name
        A signal's id or an order's client id, or the beginning of one; or the venue's id of an order.
    specs
        Indicators whose values are shown.

    Raises
    ------
    FixSettings
        If nothing, or more than one signal, is named so.
    """
    signal = _named(ledger, account, name)
    candles = _judged_candles(store, signal, specs, window_candles)
    position = ledger.position_entered_by(account, signal.symbol, signal.strategy, signal.candle_close)
    orders = ledger.orders_of_signal(account, signal.signal_id)
    if position is not None and not _concerns(position, signal, orders):
        position = None
    if position is not None and position.entry_candle_close == signal.candle_close:
        orders = ledger.orders_of_position(position)
    return Explanation(
        signal=signal,
        candles=candles,
        changed_evidence=_changes(signal.evidence, candles.indicators),
        decisions=ledger.decisions_about(account, signal.signal_id),
        orders=[_story(ledger, order) for order in orders],
        position=position,
    )


def _named(ledger: Ledger, account: str, name: str) -> Signal:
    found = ledger.signals_named(account, name, _SHOWN_MATCHES) if name else []
    if len(found) == 1:
        return found[0]
    if not found:
        raise FixSettings(f"no signal or order of account {account} has an id that begins with {name!r}")
    listed = ", ".join(
        f"{signal.signal_id[:12]} ({signal.symbol} {signal.candle_close:%d %b %H:%M})" for signal in found
    )
    raise FixSettings(f"{name!r} names several signals, give more of the id: {listed}")


def _concerns(position: Position, signal: Signal, orders: Sequence[Order]) -> bool:
    """Whether the signal opened the position, or has orders that were to close it."""
    if signal.direction is Direction.LONG:
        return position.entry_candle_close == signal.candle_close
    return bool(orders)


def _judged_candles(
    store: SeriesStore, signal: Signal, specs: Sequence[IndicatorSpec], window_candles: int
) -> JudgedCandles:
    if is_flatten_signal(signal):
        return JudgedCandles(None, None, None, 0, {}, {})
    interval = Interval.parse(signal.interval)
    window = store.candle_frame(signal.symbol, interval, end=signal.candle_close, newest=window_candles)
    opened = signal.candle_close - interval.length
    if window.empty or window.index[-1].to_pydatetime() != opened:
        return JudgedCandles(None, None, None, 0, {}, {})
    first = window.index[0].to_pydatetime()
    sources = store.sources(signal.symbol, interval, start=first, end=signal.candle_close)
    newest = compute_indicators(window, specs).iloc[-1].drop(list(PRICE_COLUMNS)).dropna()
    [candle] = store.candles(signal.symbol, interval, start=opened, end=signal.candle_close)
    return JudgedCandles(
        candle=candle,
        source=sources.get(opened),
        first_open=first,
        count=len(window),
        sources=dict(Counter(sources.values())),
        indicators={str(column): float(value) for column, value in newest.items()},
    )


def _changes(evidence: Mapping[str, float], now: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    shared = evidence.keys() & now.keys()
    return {column: (evidence[column], now[column]) for column in sorted(shared) if evidence[column] != now[column]}


def _story(ledger: Ledger, order: Order) -> OrderStory:
    identity = order.client_order_id
    return OrderStory(order, ledger.reservation(identity), ledger.order_events(identity), ledger.fills_of(identity))
