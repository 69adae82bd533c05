"""What a run writes down of the platform itself, and that it never fails for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.store_write import TickerBatch
from trading_platform.domain.stream import StreamState, StreamStatus
from trading_platform.services.protect_account import protect_account
from trading_platform.services.record_metrics import MetricsDesk, record_refresh, record_trade
from trading_platform_tests.fakes import FakeSeriesStore, FakeStoreSpool, FakeStreamJournal
from trading_platform_tests.fakes.broker import Misbehaviour
from trading_platform_tests.services.workplace import PRICES, Workplace
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL


@dataclass
class _Floor:
    """A workplace whose three symbols are all in the settings, with streams and a spool."""

    work: Workplace = field(default_factory=Workplace)
    streams: FakeStreamJournal = field(default_factory=FakeStreamJournal)
    spool: FakeStoreSpool = field(default_factory=FakeStoreSpool)

    @property
    def desk(self) -> MetricsDesk:
        work = self.work
        return MetricsDesk(work.ledger, work.store, work.clock, work.settings, MINUTE, self.streams, self.spool)

    def hears(self, **states: StreamState) -> None:
        wall = self.work.clock.wall()
        for base, state in states.items():
            self.streams.record([StreamStatus(f"{base}/USDT", state, "it is", wall, wall, wall)])

    def stored(self, name: MetricName) -> dict[str, float]:
        """Newest value per subject."""
        return {point.subject: point.value for point in self.work.store.metrics(name, since=START)}


@pytest.fixture
def floor() -> _Floor:
    return _Floor()


def test_a_refresh_writes_down_how_old_the_data_is(floor: _Floor) -> None:
    floor.work.clock.advance(5)

    record_refresh(floor.desk, floor.work.clock.wall() - timedelta(seconds=2.5))

    assert floor.stored(MetricName.CANDLE_AGE_SECONDS) == dict.fromkeys(PRICES, 15)
    assert floor.stored(MetricName.PRICE_AGE_SECONDS) == dict.fromkeys(PRICES, 5)
    assert floor.stored(MetricName.RUN_SECONDS) == {"refresh": 2.5}


def test_what_isnt_known_is_left_out(floor: _Floor) -> None:
    floor.work.store = FakeSeriesStore()
    desk = replace(floor.desk, streams=None, spool=None)

    recorded = record_refresh(desk, None)

    assert [(point.name, point.value) for point in recorded] == [(MetricName.ORDERS_IN_FLIGHT, 0)]


def test_money_is_told_as_the_accounts_rules_see_it(floor: _Floor) -> None:
    work = floor.work
    work.buys()
    protect_account(work.ledger, work.store, work.clock, work.settings)
    work.clock.advance(1)
    work.refresh({SYMBOL: PRICES[SYMBOL] * Decimal("0.95")})
    protect_account(work.ledger, work.store, work.clock, work.settings)

    record_refresh(floor.desk, None)

    marks = work.ledger.equity_marks(work.settings.account.name)
    assert marks is not None
    assert floor.stored(MetricName.EQUITY_QUOTE) == {"": float(marks.last_quote)}
    [drawdown] = floor.stored(MetricName.DRAWDOWN_SHARE).values()
    assert drawdown == pytest.approx(float(1 - marks.last_quote / marks.peak_quote))
    assert drawdown > 0.01


def test_streams_that_dont_live_are_counted(floor: _Floor) -> None:
    record_refresh(floor.desk, None)
    assert floor.stored(MetricName.STREAMS_NOT_LIVE) == {"": 3}

    floor.work.clock.advance(1)
    floor.hears(BTC=StreamState.LIVE, ETH=StreamState.FALLBACK, SOL=StreamState.LIVE)
    record_refresh(floor.desk, None)
    assert floor.stored(MetricName.STREAMS_NOT_LIVE) == {"": 1}

    floor.work.clock.advance(60)  # the stream process writes no more
    record_refresh(floor.desk, None)
    assert floor.stored(MetricName.STREAMS_NOT_LIVE) == {"": 3}


def test_points_in_the_spool_are_counted(floor: _Floor) -> None:
    tickers = tuple(floor.work.store.tickers(list(PRICES)).values())
    floor.spool.append(TickerBatch(tickers), START)

    record_refresh(floor.desk, None)

    assert floor.stored(MetricName.SPOOL_POINTS) == {"": 3}


def test_an_orders_latency_is_from_its_reservation_to_the_venues_word(floor: _Floor) -> None:
    order = floor.work.buys()
    [first, *rest] = floor.work.ledger.order_events(order.client_order_id)
    filled = rest[-1]
    floor.work.clock.advance(3)

    record_trade(floor.desk, floor.work.clock.wall() - timedelta(seconds=4))
    record_trade(floor.desk, None)

    expected = MetricPoint(
        MetricName.ORDER_LATENCY_SECONDS, (filled.at - first.at).total_seconds(), filled.at, order.symbol
    )
    assert floor.work.store.metrics(MetricName.ORDER_LATENCY_SECONDS, since=START) == [expected]
    assert floor.stored(MetricName.RUN_SECONDS) == {"trade": 4}
    assert floor.stored(MetricName.ORDERS_IN_FLIGHT) == {"": 0}


def test_orders_of_long_ago_are_looked_at_no_more(floor: _Floor) -> None:
    floor.work.buys()
    floor.work.clock.advance(601)

    record_trade(floor.desk, None)

    assert floor.stored(MetricName.ORDER_LATENCY_SECONDS) == {}


def test_an_order_whose_answer_was_lost_is_in_flight(floor: _Floor) -> None:
    floor.work.says()
    floor.work.broker.misbehave(Misbehaviour(lose_answer=True, arrives_after_questions=1000))
    floor.work.trade()

    record_trade(floor.desk, None)

    assert floor.stored(MetricName.ORDERS_IN_FLIGHT) == {"": 1}
    assert floor.stored(MetricName.ORDER_LATENCY_SECONDS) == {}


def test_what_cant_be_asked_keeps_nothing_else_back(floor: _Floor) -> None:
    floor.spool.is_down = True

    record_refresh(floor.desk, None)

    assert floor.stored(MetricName.SPOOL_POINTS) == {}
    assert floor.stored(MetricName.STREAMS_NOT_LIVE) == {"": 3}


@pytest.mark.parametrize("trouble", [RetryLater("the store is away"), FixSettings("the token was withdrawn")])
def test_a_store_that_takes_nothing_fails_no_run(floor: _Floor, trouble: Exception) -> None:
    class Unwilling(FakeSeriesStore):
        def save_metrics(self, points: object) -> None:
            raise trouble

    desk = replace(floor.desk, store=Unwilling())

    assert record_refresh(desk, START) == []
    assert record_trade(desk, START) == []
