"""What every broker does."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from trading_platform.domain.errors import (
    AskTheVenue,
    FixSettings,
    MarketClosed,
    OrderNotKnown,
    OrderRejected,
    RetryLater,
)
from trading_platform.domain.order import OrderKind, OrderReport, OrderRequest, OrderStatus, Side
from trading_platform_tests.contracts.sites import BrokerSite


def _request(site: BrokerSite, side: Side = Side.BUY, name: str = "tpone", lots: Decimal = Decimal(1)) -> OrderRequest:
    return OrderRequest(name, site.symbol, side, site.quantity * lots)


def _filled(report: OrderReport) -> Decimal:
    return sum((fill.quantity for fill in report.fills), Decimal(0))


def _total(site: BrokerSite, asset: str) -> Decimal:
    held = site.broker.balances().get(asset)
    return held.total if held else Decimal(0)


def test_instruments_of_known_symbols(broker_site: BrokerSite) -> None:
    instrument = broker_site.broker.instruments([broker_site.symbol])[broker_site.symbol]
    assert f"{instrument.base}/{instrument.quote}" == instrument.symbol == broker_site.symbol
    assert instrument.lot_step > 0
    assert instrument.min_notional_quote > 0


def test_an_unknown_symbol_is_a_mistake_in_the_settings(broker_site: BrokerSite) -> None:
    with pytest.raises(FixSettings, match="NOSUCH/COIN"):
        broker_site.broker.instruments(["NOSUCH/COIN"])


def test_a_market_buy_fills_and_moves_the_balances(broker_site: BrokerSite) -> None:
    instrument = broker_site.broker.instruments([broker_site.symbol])[broker_site.symbol]
    base, quote = _total(broker_site, instrument.base), _total(broker_site, instrument.quote)
    request = _request(broker_site)
    report = broker_site.broker.submit(request)
    assert (report.client_order_id, report.symbol) == (request.client_order_id, request.symbol)
    assert report.status is OrderStatus.FILLED
    assert report.filled_quantity == _filled(report) == request.quantity
    fees = {
        asset: sum((f.fee for f in report.fills if f.fee_asset == asset), Decimal(0))
        for asset in (instrument.base, instrument.quote)
    }
    cost = sum((fill.quote_amount for fill in report.fills), Decimal(0))
    assert _total(broker_site, instrument.base) == base + request.quantity - fees[instrument.base]
    assert _total(broker_site, instrument.quote) == quote - cost - fees[instrument.quote]


def test_the_order_is_found_again_with_the_same_fills(broker_site: BrokerSite) -> None:
    report = broker_site.broker.submit(_request(broker_site))
    assert broker_site.broker.find(broker_site.symbol, "tpone") == report


def test_a_closed_market_says_so_refuses_orders_and_takes_cancels(broker_site: BrokerSite) -> None:
    broker, symbol = broker_site.broker, broker_site.symbol
    broker.submit(_limit(broker_site, "0.9"))
    assert broker.is_trading(symbol)

    broker_site.close_market()

    assert not broker.is_trading(symbol)
    with pytest.raises(MarketClosed):
        broker.submit(_request(broker_site, name="tptwo"))
    assert broker.cancel(symbol, "tpone").status is OrderStatus.CANCELLED
    with pytest.raises(OrderNotKnown):
        broker.find(symbol, "tptwo")


def test_whether_an_unknown_symbol_trades_is_a_mistake_in_the_settings(broker_site: BrokerSite) -> None:
    with pytest.raises(FixSettings, match="NOSUCH/COIN"):
        broker_site.broker.is_trading("NOSUCH/COIN")


def test_a_symbol_that_the_venue_doesnt_list_keeps_no_others_orders_from_being_told(broker_site: BrokerSite) -> None:
    broker_site.broker.submit(_limit(broker_site, "0.9"))
    [found] = broker_site.broker.open_orders(["NOSUCH/COIN", broker_site.symbol])
    assert found.client_order_id == "tpone"
    assert list(broker_site.broker.open_orders(["NOSUCH/COIN"])) == []


def test_an_order_never_sent_is_not_known(broker_site: BrokerSite) -> None:
    with pytest.raises(OrderNotKnown):
        broker_site.broker.find(broker_site.symbol, "tpnever")
    with pytest.raises(OrderNotKnown):
        broker_site.broker.cancel(broker_site.symbol, "tpnever")


def test_an_order_beyond_the_balance_is_rejected_and_not_kept(broker_site: BrokerSite) -> None:
    with pytest.raises(OrderRejected) as rejection:
        broker_site.broker.submit(_request(broker_site, lots=Decimal(1000)))
    assert rejection.value.code
    with pytest.raises(OrderNotKnown):
        broker_site.broker.find(broker_site.symbol, "tpone")


def test_a_lost_answer_leaves_the_order_to_be_asked_for(broker_site: BrokerSite) -> None:
    broker_site.lose_next_answer(True)
    with pytest.raises(AskTheVenue):
        broker_site.broker.submit(_request(broker_site))
    report = broker_site.broker.find(broker_site.symbol, "tpone")
    assert report.status is OrderStatus.FILLED
    assert _filled(report) == broker_site.quantity


def test_a_lost_request_is_not_known(broker_site: BrokerSite) -> None:
    broker_site.lose_next_answer(False)
    with pytest.raises(AskTheVenue):
        broker_site.broker.submit(_request(broker_site))
    with pytest.raises(OrderNotKnown):
        broker_site.broker.find(broker_site.symbol, "tpone")


def test_a_partly_filled_order_ends_once(broker_site: BrokerSite) -> None:
    broker_site.fill_next_partly()
    report = broker_site.broker.submit(_request(broker_site, lots=Decimal("1.5")))
    assert report.status in (OrderStatus.PARTIALLY_FILLED, OrderStatus.EXPIRED)
    assert 0 < _filled(report) == report.filled_quantity < broker_site.quantity * Decimal("1.5")
    if not report.status.is_final:
        cancelled = broker_site.broker.cancel(broker_site.symbol, "tpone")
        assert cancelled.status is OrderStatus.CANCELLED
        assert cancelled.fills == report.fills
    with pytest.raises(OrderNotKnown):
        broker_site.broker.cancel(broker_site.symbol, "tpone")
    assert broker_site.broker.find(broker_site.symbol, "tpone").fills == report.fills


def _limit(site: BrokerSite, share: str, side: Side = Side.BUY, name: str = "tpone") -> OrderRequest:
    price = (site.price * Decimal(share)).quantize(Decimal("0.01"))
    return OrderRequest(name, site.symbol, side, site.quantity, OrderKind.LIMIT, price)


def test_a_limit_order_below_the_market_rests_until_it_is_cancelled(broker_site: BrokerSite) -> None:
    instrument = broker_site.broker.instruments([broker_site.symbol])[broker_site.symbol]
    before = broker_site.broker.balances()[instrument.quote]
    request = _limit(broker_site, "0.9")
    report = broker_site.broker.submit(request)
    assert (report.status, report.filled_quantity, report.fills) == (OrderStatus.OPEN, 0, ())
    assert broker_site.broker.find(broker_site.symbol, "tpone") == report
    resting = broker_site.broker.balances()[instrument.quote]
    assert request.limit_price is not None
    assert resting.locked == request.limit_price * request.quantity
    assert resting.total == before.total
    cancelled = broker_site.broker.cancel(broker_site.symbol, "tpone")
    assert (cancelled.status, cancelled.fills) == (OrderStatus.CANCELLED, ())
    assert broker_site.broker.find(broker_site.symbol, "tpone") == cancelled
    assert broker_site.broker.balances()[instrument.quote] == before


def test_a_limit_order_beyond_the_market_fills_at_once(broker_site: BrokerSite) -> None:
    request = _limit(broker_site, "1.01")
    report = broker_site.broker.submit(request)
    assert report.status is OrderStatus.FILLED
    assert request.limit_price is not None
    assert all(fill.price <= request.limit_price for fill in report.fills)


def test_a_limit_order_whose_answer_was_lost_is_found_resting(broker_site: BrokerSite) -> None:
    broker_site.lose_next_answer(True)
    with pytest.raises(AskTheVenue):
        broker_site.broker.submit(_limit(broker_site, "0.9"))
    assert broker_site.broker.find(broker_site.symbol, "tpone").status is OrderStatus.OPEN


def test_what_was_bought_can_be_sold(broker_site: BrokerSite) -> None:
    bought = broker_site.broker.submit(_request(broker_site, lots=Decimal("1.5")))
    sold = broker_site.broker.submit(_request(broker_site, Side.SELL, "tptwo"))
    assert sold.status is OrderStatus.FILLED
    assert not {f.venue_trade_id for f in bought.fills} & {f.venue_trade_id for f in sold.fills}


def test_a_silent_venue_is_asked_again_later(broker_site: BrokerSite) -> None:
    broker_site.broker.instruments([broker_site.symbol])
    broker_site.silence()
    with pytest.raises(RetryLater):
        broker_site.broker.balances()
    with pytest.raises(RetryLater):
        broker_site.broker.find(broker_site.symbol, "tpone")


def test_what_the_owner_brings_and_takes_is_listed(broker_site: BrokerSite) -> None:
    broker, quote = broker_site.broker, broker_site.symbol.partition("/")[2]
    before = _total(broker_site, quote)
    listed = broker.transfers()
    assert listed is not None
    known = {each.venue_id for each in listed}

    for amount in ("25.5", "-7.25"):
        broker_site.transfer(quote, Decimal(amount))

    moved = [each for each in broker.transfers() or () if each.venue_id not in known]
    assert sorted((each.asset, each.amount) for each in moved) == [(quote, Decimal("-7.25")), (quote, Decimal("25.5"))]
    assert len({each.venue_id for each in moved}) == 2
    assert _total(broker_site, quote) == before + Decimal("18.25")


def test_the_accounts_own_trades_are_listed_with_their_sides(broker_site: BrokerSite) -> None:
    broker, symbol = broker_site.broker, broker_site.symbol
    bought = broker.submit(_request(broker_site, lots=Decimal("1.5")))
    sold = broker.submit(_request(broker_site, Side.SELL, "tptwo"))

    trades = broker.trades(symbol, bought.fills[0].time)

    told = [*((Side.BUY, fill) for fill in bought.fills), *((Side.SELL, fill) for fill in sold.fills)]
    assert sorted(trades, key=lambda each: int(each[1].venue_trade_id)) == told
    assert broker.trades(symbol, max(f.time for f in sold.fills) + timedelta(hours=1)) == []


def test_what_the_key_may_do(broker_site: BrokerSite) -> None:
    assert broker_site.broker.key_permissions().can_trade
    assert not broker_site.broker.key_permissions().can_withdraw
    broker_site.let_key_withdraw()
    assert broker_site.broker.key_permissions().can_withdraw
