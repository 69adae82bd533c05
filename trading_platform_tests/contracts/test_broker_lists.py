"""What every broker does with stops and targets: alone, as a list, and as seen among the open orders."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trading_platform.domain.errors import AskTheVenue, MarketClosed, OrderNotKnown, OrderRejected, RetryLater
from trading_platform.domain.instrument import floor_to_step
from trading_platform.domain.order import OrderKind, OrderListRequest, OrderRequest, OrderStatus, Side
from trading_platform_tests.contracts.sites import BrokerSite

LIST = "tllist"


@pytest.fixture
def price(broker_site: BrokerSite) -> Decimal:
    """What the account has just bought at."""
    bought = broker_site.broker.submit(
        OrderRequest("tpbuy", broker_site.symbol, Side.BUY, broker_site.quantity * Decimal("1.5"))
    )
    return bought.fills[0].price


def _at(site: BrokerSite, price: Decimal, share: str) -> Decimal:
    tick = site.broker.instruments([site.symbol])[site.symbol].tick_size
    return floor_to_step(price * Decimal(share), tick)


def _stop(site: BrokerSite, price: Decimal, share: str = "0.9", name: str = "tpstop") -> OrderRequest:
    at = _at(site, price, share)
    return OrderRequest(name, site.symbol, Side.SELL, site.quantity, OrderKind.STOP_LOSS, None, at)


def _list(site: BrokerSite, price: Decimal, target: str = "1.1", stop: str = "0.9") -> OrderListRequest:
    limit = _at(site, price, target)
    return OrderListRequest(
        LIST,
        _stop(site, price, stop),
        OrderRequest("tptarget", site.symbol, Side.SELL, site.quantity, OrderKind.TAKE_PROFIT, limit),
    )


def _locked(site: BrokerSite) -> Decimal:
    base = site.symbol.partition("/")[0]
    return site.broker.balances()[base].locked


def _open(site: BrokerSite) -> dict[str, Decimal]:
    return {order.client_order_id: order.filled_quantity for order in site.broker.open_orders([site.symbol])}


def test_a_list_rests_and_locks_its_base_once(broker_site: BrokerSite, price: Decimal) -> None:
    reports = broker_site.broker.submit_list(_list(broker_site, price))

    assert [report.client_order_id for report in reports] == ["tpstop", "tptarget"]
    assert {report.status for report in reports} == {OrderStatus.OPEN}
    assert len({report.venue_order_id for report in reports}) == 2
    assert _locked(broker_site) == broker_site.quantity
    assert _open(broker_site) == {"tpstop": 0, "tptarget": 0}
    assert broker_site.broker.find(broker_site.symbol, "tptarget") == reports[1]


def test_a_closed_market_takes_no_list_and_leaves_what_rests(broker_site: BrokerSite, price: Decimal) -> None:
    broker_site.broker.submit(_stop(broker_site, price, name="tpfirst"))
    broker_site.close_market()

    with pytest.raises(MarketClosed):
        broker_site.broker.submit_list(_list(broker_site, price))

    assert [*_open(broker_site)] == ["tpfirst"]


def test_a_stop_with_a_limit_rests_too(broker_site: BrokerSite, price: Decimal) -> None:
    stop = replace(_stop(broker_site, price), limit_price=_at(broker_site, price, "0.89"))

    assert broker_site.broker.submit(stop).status is OrderStatus.OPEN
    assert _open(broker_site) == {"tpstop": 0}
    assert broker_site.broker.open_orders([broker_site.symbol])[0].side is Side.SELL


def test_a_list_is_taken_back_as_a_whole(broker_site: BrokerSite, price: Decimal) -> None:
    broker_site.broker.submit_list(_list(broker_site, price))
    reports = broker_site.broker.cancel_list(broker_site.symbol, LIST, ["tpstop", "tptarget"])

    assert [report.client_order_id for report in reports] == ["tpstop", "tptarget"]
    assert {report.status for report in reports} == {OrderStatus.CANCELLED}
    assert _locked(broker_site) == 0
    assert _open(broker_site) == {}
    with pytest.raises(OrderNotKnown):
        broker_site.broker.cancel_list(broker_site.symbol, LIST, ["tpstop", "tptarget"])


def test_to_take_back_one_order_of_a_list_takes_back_the_other(broker_site: BrokerSite, price: Decimal) -> None:
    broker_site.broker.submit_list(_list(broker_site, price))

    assert broker_site.broker.cancel(broker_site.symbol, "tpstop").status is OrderStatus.CANCELLED
    assert broker_site.broker.find(broker_site.symbol, "tptarget").status is OrderStatus.CANCELLED


def test_a_list_never_placed_cannot_be_taken_back(broker_site: BrokerSite) -> None:
    with pytest.raises(OrderNotKnown):
        broker_site.broker.cancel_list(broker_site.symbol, "tlnever", ["tpstop", "tptarget"])


@pytest.mark.parametrize(("target", "stop"), [("0.98", "0.9"), ("1.1", "1.05")])
def test_a_list_whose_prices_are_reached_already_is_refused_as_a_whole(
    broker_site: BrokerSite, price: Decimal, target: str, stop: str
) -> None:
    with pytest.raises(OrderRejected):
        broker_site.broker.submit_list(_list(broker_site, price, target, stop))
    assert _open(broker_site) == {}
    with pytest.raises(OrderNotKnown):
        broker_site.broker.find(broker_site.symbol, "tpstop")


def test_a_stop_above_the_market_is_refused(broker_site: BrokerSite, price: Decimal) -> None:
    with pytest.raises(OrderRejected):
        broker_site.broker.submit(_stop(broker_site, price, "1.05"))


def test_a_list_whose_answer_was_lost_is_asked_for_by_its_orders(broker_site: BrokerSite, price: Decimal) -> None:
    broker_site.lose_next_answer(True)
    with pytest.raises(AskTheVenue):
        broker_site.broker.submit_list(_list(broker_site, price))
    for name in ("tpstop", "tptarget"):
        assert broker_site.broker.find(broker_site.symbol, name).status is OrderStatus.OPEN


def test_a_list_that_was_lost_on_its_way_is_not_known(broker_site: BrokerSite, price: Decimal) -> None:
    broker_site.lose_next_answer(False)
    with pytest.raises(AskTheVenue):
        broker_site.broker.submit_list(_list(broker_site, price))
    with pytest.raises(OrderNotKnown):
        broker_site.broker.find(broker_site.symbol, "tpstop")


def test_another_hand_s_orders_are_seen(broker_site: BrokerSite, price: Decimal) -> None:
    limit = _at(broker_site, price, "1.2")
    by_hand = OrderRequest("web123", broker_site.symbol, Side.SELL, broker_site.quantity, OrderKind.LIMIT, limit)
    broker_site.broker.submit(by_hand)
    assert _open(broker_site) == {"web123": 0}


def test_a_silent_venue_shows_no_open_orders(broker_site: BrokerSite, price: Decimal) -> None:
    broker_site.silence()
    with pytest.raises(RetryLater):
        broker_site.broker.open_orders([broker_site.symbol])
