"""Worth is told where every price is known, and not made up where one isn't."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trading_platform.domain.market import Ticker
from trading_platform.services.value_account import doubt_about_worth, record_equity, value_account
from trading_platform_tests.fakes import FakeSeriesStore
from trading_platform_tests.services.workplace import Workplace
from trading_platform_tests.support.examples import ACCOUNT, MINUTE, SYMBOL


@pytest.fixture
def place() -> Workplace:
    return Workplace()


def test_without_a_balance_there_is_no_worth(place: Workplace) -> None:
    assert value_account(place.ledger, place.store, place.clock, ACCOUNT) is None
    assert record_equity(place.ledger, place.store, place.clock, ACCOUNT) is None
    assert place.ledger.equity_history(ACCOUNT, 9) == []


def test_cash_alone_needs_no_price(place: Workplace) -> None:
    place.trade()
    point = value_account(place.ledger, FakeSeriesStore(), place.clock, ACCOUNT)

    assert point is not None
    assert (point.equity_quote, point.positions_quote) == (Decimal("84.54"), Decimal(0))


def test_positions_are_worth_what_a_sale_would_bring(place: Workplace) -> None:
    place.buys()
    [position] = place.ledger.open_positions(ACCOUNT)

    point = value_account(place.ledger, place.store, place.clock, ACCOUNT)

    assert point is not None
    assert point.positions_quote == position.quantity * Decimal(49999)  # the bid
    assert point.cash_quote == Decimal("84.54") - Decimal("25")
    assert (point.venue_time, point.recorded_at) == (place.clock.read().now, place.clock.wall())


def test_a_position_without_a_price_makes_the_worth_unknown(place: Workplace) -> None:
    place.buys()

    assert value_account(place.ledger, FakeSeriesStore(), place.clock, ACCOUNT) is None


def test_prices_of_now_raise_no_doubt(place: Workplace) -> None:
    place.buys()
    assert _doubt(place) is None


def test_an_old_price_of_what_is_held_raises_doubt(place: Workplace) -> None:
    place.buys("ETH/USDT")
    place.clock.advance(60)
    place.refresh({SYMBOL: Decimal(50000)})

    assert _doubt(place) == "the newest price of ETH/USDT is 60 s old, 45 s at most are believed"
    assert place.settings.freshness.max_price_age_seconds == 45


def test_a_bid_far_from_the_last_price_raises_doubt(place: Workplace) -> None:
    place.buys()
    place.clock.advance(1)
    now = place.clock.read()
    place.store.write_tickers([Ticker(SYMBOL, Decimal(1), Decimal(50000), Decimal(50000), now.now, now.wall)])
    assert "bps from its last price" in (_doubt(place) or "")


def test_a_position_without_a_price_raises_doubt(place: Workplace) -> None:
    place.buys()
    place.store = FakeSeriesStore()
    assert _doubt(place) == f"no price of {SYMBOL} is known"


@pytest.mark.parametrize(("held", "is_in_doubt"), [("0.0025", False), ("0.005", True)])
def test_dust_of_what_is_traded_no_more_raises_none(place: Workplace, held: str, is_in_doubt: bool) -> None:
    """Worth five at the price of an hour ago, or ten: that much an order could sell."""
    place.broker.move(ETH=Decimal(held))
    place.trade()
    place.clock.advance(3600)
    place.refresh({SYMBOL: Decimal(50000)})
    assert (_doubt(place) is not None) is is_in_doubt


def _doubt(place: Workplace) -> str | None:
    return doubt_about_worth(place.ledger, place.store, place.clock, place.settings)


def test_one_point_is_kept_per_minute_of_the_venue(place: Workplace) -> None:
    place.trade()
    for _ in range(4):
        record_equity(place.ledger, place.store, place.clock, ACCOUNT)
        place.clock.advance(20)

    minutes = [MINUTE.floor(point.venue_time) for point in place.ledger.equity_history(ACCOUNT, 99)]

    assert len(minutes) == len(set(minutes)) == 2


def test_dust_of_a_closed_position_still_counts(place: Workplace) -> None:
    place.buys()
    before = place.ledger.account(ACCOUNT)
    [position] = place.ledger.open_positions(ACCOUNT)
    dust = Decimal("0.000003")
    totals = {asset: balance.total for asset, balance in before.balances.items()} | {"BTC": position.quantity + dust}
    assert place.ledger.reconcile(ACCOUNT, totals, at_revision=before.revision, at=place.clock.wall())

    point = value_account(place.ledger, place.store, place.clock, ACCOUNT)

    assert point is not None
    assert point.positions_quote == (position.quantity + dust) * Decimal(49999)
