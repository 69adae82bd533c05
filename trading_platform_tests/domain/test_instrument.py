from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.instrument import ceil_to_step, floor_to_step
from trading_platform_tests.support.examples import instrument

amounts = st.decimals("0", "1000000", places=8)
steps = st.integers(0, 8).map(lambda places: Decimal(1).scaleb(-places)) | st.sampled_from(
    [Decimal("0.025"), Decimal(5)]
)


@given(amount=amounts, step=steps)
def test_an_amount_lies_between_its_floor_and_its_ceiling(amount: Decimal, step: Decimal) -> None:
    below, above = floor_to_step(amount, step), ceil_to_step(amount, step)
    assert below <= amount <= above
    assert above - below in (0, step)
    assert below % step == above % step == 0
    assert floor_to_step(below, step) == below
    assert ceil_to_step(above, step) == above


@given(amount=amounts)
def test_without_a_step_there_is_no_grid(amount: Decimal) -> None:
    assert floor_to_step(amount, Decimal(0)) == ceil_to_step(amount, Decimal(0)) == amount


def test_an_order_is_cut_to_the_largest() -> None:
    assert instrument(max_quantity=Decimal(2)).floor_quantity(Decimal("2.5")) == 2


@pytest.mark.parametrize(
    ("quantity", "price", "tradable"),
    [
        ("0.0001", "50000", True),
        ("0.0001", "49999.99", False),  # below the smallest notional
        ("0.000105", "50000", False),  # off the grid
        ("0.00009", "90000", True),
        ("9000.00001", "50000", False),  # above the largest
        ("0", "50000", False),
    ],
)
def test_what_the_exchange_accepts(quantity: str, price: str, tradable: bool) -> None:
    assert instrument().is_tradable(Decimal(quantity), Decimal(price)) is tradable
    assert not instrument(min_quantity=Decimal(10_000)).is_tradable(Decimal(quantity), Decimal(price))
