from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.order import Side
from trading_platform.domain.order_book import BookLevel, OrderBook, average_fill_price, slippage_bps
from trading_platform_tests.support.examples import START

D = Decimal
BOOK = OrderBook(
    "BTC/USDT",
    bids=(BookLevel(D(99), D(1)), BookLevel(D(98), D(3))),
    asks=(BookLevel(D(100), D(1)), BookLevel(D(102), D(3))),
    received_at=START,
)


@pytest.mark.parametrize(
    ("side", "quantity", "average"),
    [
        (Side.BUY, "0.5", "100"),
        (Side.BUY, "1", "100"),
        (Side.BUY, "2", "101"),
        (Side.BUY, "4", "101.5"),
        (Side.SELL, "2", "98.5"),
        (Side.SELL, "4", "98.25"),
    ],
)
def test_an_order_walks_the_other_side(side: Side, quantity: str, average: str) -> None:
    assert BOOK.average_price(side, D(quantity)) == D(average)


@pytest.mark.parametrize("side", Side)
def test_a_book_that_holds_less_has_no_price(side: Side) -> None:
    assert BOOK.average_price(side, D("4.0001")) is None


@pytest.mark.parametrize(
    ("side", "price", "bps"),
    [(Side.BUY, "101", "100"), (Side.SELL, "99", "100"), (Side.BUY, "99", "-100"), (Side.SELL, "100", "0")],
)
def test_slippage_is_what_is_worse(side: Side, price: str, bps: str) -> None:
    assert slippage_bps(side, D(100), D(price)) == D(bps)


amounts = st.lists(st.tuples(st.decimals("0.01", "100", places=2), st.decimals("0.01", "9", places=2)), min_size=1)


@given(amounts)
def test_the_average_lies_between_the_prices(traded: list[tuple[Decimal, Decimal]]) -> None:
    average = average_fill_price(traded)
    prices = [price for price, _ in traded]
    assert average is not None
    assert min(prices) - D("1e-20") <= average <= max(prices) + D("1e-20")


def test_nothing_traded_has_no_average() -> None:
    assert average_fill_price([]) is None
