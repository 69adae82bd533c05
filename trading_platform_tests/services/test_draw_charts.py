"""What the painter is given: indicators of the whole window, signals where they were judged, fills where they fell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from trading_platform.domain.candle import Gap
from trading_platform.domain.indicators import parse_indicators
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.order import Side
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.transfer import Transfer, TransferKind
from trading_platform.ports.charts import ChartPanel, FillMark, MetricPanel
from trading_platform.ports.ledger import EquityPoint
from trading_platform.services.draw_charts import (
    EQUITY_POINTS,
    METRIC_HOURS,
    draw_equity_chart,
    draw_equity_course,
    draw_metric_chart,
    draw_price_charts,
    newest_candle,
)
from trading_platform.services.value_account import record_equity
from trading_platform_tests.fakes import FakeSeriesStore
from trading_platform_tests.services.workplace import CLOSE, PRICES, Workplace, priced_candle
from trading_platform_tests.support.examples import ACCOUNT, MINUTE, SYMBOL, minutes

ETH = "ETH/USDT"


class _Painter:
    """Remembers what it was asked to draw."""

    def __init__(self) -> None:
        self.panels: Sequence[ChartPanel] = ()
        self.points: Sequence[EquityPoint] = ()
        self.fills: Sequence[FillMark] = ()
        self.transfers: Sequence[Transfer] = ()
        self.metrics: Sequence[MetricPanel] = ()
        self.span = timedelta()

    def render_price_chart(self, panels: Sequence[ChartPanel], *, candles: int = 120) -> bytes:
        self.panels = panels
        return b"prices"

    def render_equity_chart(
        self,
        points: Sequence[EquityPoint],
        fills: Sequence[FillMark],
        quote: str,
        *,
        transfers: Sequence[Transfer] = (),
    ) -> bytes:
        self.points, self.fills, self.transfers = points, fills, transfers
        return b"equity"

    def render_metric_chart(self, panels: Sequence[MetricPanel], start: datetime, end: datetime) -> bytes:
        self.metrics, self.span = panels, end - start
        return b"metrics"


@pytest.fixture
def place() -> Workplace:
    return Workplace()


@pytest.fixture
def painter() -> _Painter:
    return _Painter()


def _draw(place: Workplace, painter: _Painter, *symbols: str) -> bytes | None:
    specs = parse_indicators(["ema(12)"])
    return draw_price_charts(place.store, place.ledger, painter, ACCOUNT, symbols, MINUTE, specs, 50, 20)


def test_each_symbol_has_a_panel_with_its_own_signals(place: Workplace, painter: _Painter) -> None:
    place.says()
    place.says(CLOSE - 3, Direction.SHORT, strategy="mean_reversion")

    assert _draw(place, painter, SYMBOL, ETH) == b"prices"

    bitcoin, ether = painter.panels
    assert (bitcoin.symbol, ether.symbol, list(ether.signals)) == (SYMBOL, ETH, [])
    marks = {(mark.open_time, mark.direction, mark.label) for mark in bitcoin.signals}
    assert marks == {
        (minutes(CLOSE - 1), Direction.LONG, "trend following"),
        (minutes(CLOSE - 4), Direction.SHORT, "mean reversion"),
    }
    assert len(bitcoin.frame) == 50
    assert "ema_12" in bitcoin.frame


def test_the_venues_own_gaps_are_handed_on(place: Workplace, painter: _Painter) -> None:
    inside, before = (Gap(minutes(CLOSE - n), minutes(CLOSE - n + 2), 3) for n in (10, 200))
    empty = FakeSeriesStore()
    held = [priced_candle(minute, PRICES[SYMBOL]) for minute in range(CLOSE) if not CLOSE - 10 <= minute < CLOSE - 7]
    empty.write_candles(SYMBOL, MINUTE, held, source="rest", received_at=minutes(0))
    empty.record_gaps(
        SYMBOL, MINUTE, [before, inside], start=minutes(-999), end=minutes(CLOSE), confirmed_at=minutes(CLOSE)
    )
    place.store = empty

    _draw(place, painter, SYMBOL)

    [panel] = painter.panels
    assert list(panel.venue_gaps) == [inside]


def test_without_candles_nothing_is_drawn(painter: _Painter) -> None:
    empty = Workplace()
    empty.store = FakeSeriesStore()

    assert _draw(empty, painter, SYMBOL) is None
    assert newest_candle(empty.store, [SYMBOL], MINUTE) is None


def test_the_newest_candle_of_any_symbol_makes_a_chart_due(place: Workplace) -> None:
    assert newest_candle(place.store, [SYMBOL, ETH, "XRP/USDT"], MINUTE) == minutes(CLOSE - 1)


def test_equity_is_drawn_with_its_fills_once_there_are_two_points(place: Workplace, painter: _Painter) -> None:
    place.buys()
    record_equity(place.ledger, place.store, place.clock, ACCOUNT)
    assert draw_equity_chart(place.ledger, painter, ACCOUNT, "USDT") is None
    deposit = _deposit(place)
    place.later(60)
    record_equity(place.ledger, place.store, place.clock, ACCOUNT)

    assert draw_equity_chart(place.ledger, painter, ACCOUNT, "USDT") == b"equity"

    assert len(painter.points) == 2
    [fill] = painter.fills
    assert (fill.side, fill.symbol) == (Side.BUY, SYMBOL)
    assert painter.transfers == [deposit]


def _deposit(place: Workplace) -> Transfer:
    state, moment = place.ledger.account(ACCOUNT), place.clock.read().now
    totals = {asset: balance.total for asset, balance in state.balances.items()}
    deposit = Transfer(
        ACCOUNT, "USDT", Decimal(10), TransferKind.DEPOSIT, "listed by the venue", "venue", moment, moment
    )
    assert place.ledger.reconcile(
        ACCOUNT, {**totals, "USDT": totals["USDT"] + 10}, at_revision=state.revision, at=moment, transfers=[deposit]
    )
    return deposit


def test_all_of_an_account_is_drawn_once_the_newest_points_are_not_all(place: Workplace, painter: _Painter) -> None:
    assert draw_equity_course(place.ledger, painter, ACCOUNT, "USDT") is None
    for minute in (0, 5, EQUITY_POINTS - 1):
        place.ledger.record_equity(EquityPoint(ACCOUNT, minutes(minute), Decimal(84), Decimal(0), minutes(minute)))
    assert draw_equity_course(place.ledger, painter, ACCOUNT, "USDT") is None
    place.ledger.record_equity(
        EquityPoint(ACCOUNT, minutes(EQUITY_POINTS), Decimal(84), Decimal(0), minutes(EQUITY_POINTS))
    )

    assert draw_equity_course(place.ledger, painter, ACCOUNT, "USDT") == b"equity"

    assert [point.venue_time for point in painter.points] == [*map(minutes, (0, 5, EQUITY_POINTS))]
    assert not painter.fills


def test_what_was_measured_lately_is_drawn_a_panel_each(painter: _Painter) -> None:
    store, now = FakeSeriesStore(), minutes(10_000)
    assert draw_metric_chart(store, painter, now) is None
    new = [MetricPoint(MetricName.PRICE_AGE_SECONDS, 2.0, now - timedelta(minutes=1), each) for each in (SYMBOL, ETH)]
    old = MetricPoint(MetricName.SPOOL_POINTS, 5.0, now - timedelta(hours=METRIC_HOURS + 1))
    store.save_metrics([*new, old])
    assert draw_metric_chart(store, painter, now) == b"metrics"
    [panel] = painter.metrics
    assert [*panel.points] == new


@pytest.mark.parametrize(
    ("age", "span"),
    [
        (timedelta(0), timedelta(minutes=10)),
        (timedelta(minutes=40), timedelta(minutes=40)),
        (timedelta(hours=METRIC_HOURS + 1), timedelta(hours=METRIC_HOURS)),
    ],
)
def test_a_metric_chart_begins_with_the_measurements(painter: _Painter, age: timedelta, span: timedelta) -> None:
    store, now = FakeSeriesStore(), minutes(10_000)
    begin = now - age
    store.save_metrics([MetricPoint(MetricName.DRAWDOWN_SHARE, 0.1, begin + each * age / 420) for each in range(421)])
    draw_metric_chart(store, painter, now)
    assert painter.span == span
