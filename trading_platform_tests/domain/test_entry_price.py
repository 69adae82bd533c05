from __future__ import annotations

from decimal import Decimal

import pytest

from trading_platform.domain.entry_price import limit_entry_price, rest_of_entry
from trading_platform.domain.errors import RefuseTrade
from trading_platform_tests.support.examples import instrument

D = Decimal
TICK = D("0.01")


@pytest.mark.parametrize(
    ("bid", "offset", "first", "price"),
    [
        ("50000", "0", None, "50000"),
        ("50000", "1", None, "50005"),
        ("50000", "-1", None, "49995"),
        ("50000.009", "0", None, "50000"),
        ("50000", "0", "49999", "50000"),
        ("50500", "0", "50000", "50100"),
        ("49000", "0", "50000", "49000"),
    ],
)
def test_the_bid_and_the_offset_within_the_bound(bid: str, offset: str, first: str | None, price: str) -> None:
    before = None if first is None else D(first)
    assert limit_entry_price(D(bid), D(offset), TICK, before, D(20)) == D(price)


def test_the_rest_is_on_the_lot_grid() -> None:
    assert rest_of_entry(D("0.00103"), D("0.000205"), D(50000), instrument()) == D("0.00082")


@pytest.mark.parametrize("filled", ["0.001", "0.00091"])
def test_a_rest_that_no_venue_takes_is_left(filled: str) -> None:
    with pytest.raises(RefuseTrade, match="below the smallest order"):
        rest_of_entry(D("0.001"), D(filled), D(50000), instrument())
