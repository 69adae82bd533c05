"""News is only a hint: what it speaks of is asked for, and booked once, whoever else asks (I5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from trading_platform.domain.order import Order, OrderReport, OrderStatus
from trading_platform.domain.signal import client_order_id
from trading_platform.ports.order_news import OrderNews
from trading_platform.services.follow_news import follow_news, take_up_news
from trading_platform.services.trade import work_waiting
from trading_platform_tests.fakes import FakeBroker, FakeOrderNews
from trading_platform_tests.fakes.broker import Misbehaviour
from trading_platform_tests.services.test_place_entry import BID, limits
from trading_platform_tests.services.workplace import QUICK, Workplace
from trading_platform_tests.support.examples import ACCOUNT, ENTRY, SYMBOL, decision
from trading_platform_tests.support.examples import order as make_order
from trading_platform_tests.support.plain_settings import plain_settings


class _Counting(FakeBroker):
    questions = 0

    def find(self, symbol: str, client_order_id: str) -> OrderReport:
        self.questions += 1
        return super().find(symbol, client_order_id)


def resting() -> tuple[Workplace, Order]:
    place = Workplace(settings=limits().settings, broker_type=_Counting)
    said = place.says()
    place.trade()
    order = place.ledger.order(client_order_id(said.signal_id, ENTRY))
    assert order is not None
    assert order.rests
    return place, order


def questions(place: Workplace) -> int:
    assert isinstance(place.broker, _Counting)
    return place.broker.questions


def status(place: Workplace, order: Order) -> OrderStatus:
    found = place.ledger.order(order.client_order_id)
    assert found is not None
    return found.status


@pytest.mark.parametrize("named", [True, False])
def test_an_order_that_rests_is_booked_as_soon_as_it_is_heard_of(named: bool) -> None:
    place, order = resting()
    place.broker.trade_at(SYMBOL, BID)

    take_up_news(place.desk(), OrderNews(order.client_order_id if named else None))

    assert status(place, order) is OrderStatus.FILLED
    assert place.reserved() == 0
    assert place.agrees_with_venue()
    take_up_news(place.desk(), OrderNews(order.client_order_id))
    assert questions(place) == 1, "it has ended: there is nothing to ask for"


def test_an_order_whose_answer_was_lost_is_asked_for() -> None:
    place = Workplace(broker_type=_Counting)
    said = place.says()
    place.broker.misbehave(Misbehaviour(lose_answer=True))
    place.trade()

    take_up_news(place.desk(), OrderNews(client_order_id(said.signal_id, ENTRY)))

    [order] = place.ledger.recent_orders(ACCOUNT, 9)
    assert order.status is OrderStatus.FILLED


def test_a_fill_that_news_books_asks_for_a_run_at_once_if_the_stop_covers_less() -> None:
    settings = plain_settings(
        **{**QUICK, "execution": {**QUICK["execution"], "entry": "limit"}, "protection": {"trailing": False}}
    )
    place = Workplace(settings=settings)
    said = place.says()
    place.trade()
    entry = client_order_id(said.signal_id, ENTRY)
    for bought, stop in ((Decimal("0.0003"), "stop"), (Decimal("0.0001"), "stop2")):
        place.clock.advance(1)
        place.broker.fill_part(entry, bought)
        take_up_news(place.desk(), OrderNews(entry))
        assert work(place) is not None

        place.clock.advance(1)
        place.trade()

        at_work = {order.leg: order.quantity for order in place.ledger.unsettled_orders(ACCOUNT)}
        [held] = place.ledger.open_positions(ACCOUNT)
        assert held.quantity - at_work[stop] < Decimal("0.00001")
        assert work(place) is None
    assert place.agrees_with_venue()


def work(place: Workplace) -> str | None:
    return work_waiting(place.ledger, place.store, place.clock, place.settings)


def test_orders_of_others_and_those_being_sent_are_left_alone() -> None:
    place, _ = resting()
    other = place.says(50, strategy="mean_reversion", symbol="ETH/USDT")
    sending = make_order(other, "20", quantity="0.01", at=place.clock.wall())
    place.ledger.reserve(sending, decision(other))
    place.ledger.mark_submitted(sending.client_order_id, place.clock.wall())

    for name in ("web_0123456789", sending.client_order_id):
        take_up_news(place.desk(), OrderNews(name))

    assert questions(place) == 0
    assert status(place, sending) is OrderStatus.SUBMITTED


def test_a_silent_venue_or_ledger_leaves_it_to_the_next_run() -> None:
    place, order = resting()
    place.broker.is_silent = True
    take_up_news(place.desk(), OrderNews(order.client_order_id))
    place.broker.is_silent, place.ledger.is_down = False, True
    take_up_news(place.desk(), OrderNews(order.client_order_id))
    place.ledger.is_down = False
    assert status(place, order) is OrderStatus.OPEN


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_news_is_followed_until_it_is_cancelled() -> None:
    place, order = resting()
    news = FakeOrderNews()
    following = asyncio.create_task(follow_news(news, place.desk()))
    await _until(lambda: questions(place) == 1)  # at the start, everything that rests is asked for
    place.broker.trade_at(SYMBOL, BID)
    news.tell(order.client_order_id)

    await _until(lambda: status(place, order) is OrderStatus.FILLED)

    following.cancel()
    await asyncio.wait({following})
    assert news.is_closed
    assert place.reserved() == Decimal(0)
