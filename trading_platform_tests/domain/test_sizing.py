from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.errors import RefuseTrade
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.risk import PositionShareTier, ReasonCode, largest_position_share
from trading_platform.domain.sizing import BPS, SizedOrder, size_entry, size_exit
from trading_platform_tests.support.examples import instrument

TIERS = (
    PositionShareTier(below_equity_quote=Decimal(100), share=Decimal("0.80")),
    PositionShareTier(below_equity_quote=Decimal(1000), share=Decimal("0.30")),
    PositionShareTier(share=Decimal("0.10")),
)
FLOOR = Decimal(10)
SLIPPAGE = Decimal(50)


def sized(
    equity: Decimal | str,
    free: Decimal | str,
    ask: Decimal | str = "84705.64",
    fraction: str = "0.30",
    pair: Instrument | None = None,
) -> SizedOrder:
    return size_entry(
        equity_quote=Decimal(equity),
        free_quote=Decimal(free),
        ask=Decimal(ask),
        instrument=pair or instrument(),
        fraction=Decimal(fraction),
        tiers=TIERS,
        notional_floor_quote=FLOOR,
        slippage_bps=SLIPPAGE,
    )


def test_a_fraction_of_the_equity_on_the_lot_grid() -> None:
    order = sized("84.54", "84.54")
    assert order.quantity == Decimal("0.00029")  # 25.36 / 84705.64 = 0.000299…
    assert order.reserve_quote == Decimal("0.00029") * Decimal("84705.64") * Decimal("1.005") * Decimal("1.001")
    assert "30" in order.steps[0]


def test_a_small_account_is_raised_to_the_floor() -> None:
    assert sized("20", "20", ask="1.00", pair=instrument(lot_step=Decimal("0.1"))).quantity == 10


def test_a_lot_is_added_where_rounding_down_missed_the_floor() -> None:
    coarse = instrument(lot_step=Decimal("0.00010"))
    order = sized("30", "30", pair=coarse)  # 10 / 84705.64 = 0.000118: one lot is 8.47, two are 16.94
    assert order.quantity == Decimal("0.00020")
    assert "one lot up" in order.steps[-1]


def test_no_lot_between_floor_and_limit() -> None:
    with pytest.raises(RefuseTrade) as refusal:
        sized("15", "15", pair=instrument(lot_step=Decimal("0.00010")))
    assert refusal.value.reason_code == ReasonCode.BELOW_EXCHANGE_MINIMUM


def test_too_little_cash() -> None:
    with pytest.raises(RefuseTrade) as refusal:
        sized("84.54", "10.05")
    assert refusal.value.reason_code == ReasonCode.INSUFFICIENT_FREE_BALANCE


def test_too_small_an_account() -> None:
    with pytest.raises(RefuseTrade) as refusal:
        sized("12", "12")
    assert refusal.value.reason_code == ReasonCode.BELOW_NOTIONAL_FLOOR


prices = st.decimals("0.0001", "200000", places=4)
money = st.decimals("0", "5000", places=2)


@given(
    equity=money,
    free=money,
    ask=prices,
    fraction=st.sampled_from(["0.01", "0.30", "1"]),
    places=st.integers(0, 8),
    smallest=st.sampled_from(["1", "5", "20"]),
)
def test_whatever_is_sized_keeps_every_limit(
    equity: Decimal, free: Decimal, ask: Decimal, fraction: str, places: int, smallest: str
) -> None:
    lot = Decimal(1).scaleb(-places)
    pair = instrument(lot_step=lot, min_quantity=lot, min_notional_quote=Decimal(smallest))
    try:
        order = sized(equity, free, ask, fraction, pair)
    except RefuseTrade:
        return
    notional = order.quantity * ask
    assert pair.is_tradable(order.quantity, ask)
    assert notional >= FLOOR
    assert notional <= largest_position_share(TIERS, equity) * equity
    assert notional <= max(Decimal(fraction) * equity, FLOOR, Decimal(smallest)) + lot * ask
    assert order.reserve_quote <= free * (1 + Decimal("1e-20"))
    worst_fill = ask * (1 + SLIPPAGE / BPS)
    assert order.reserve_quote >= order.quantity * worst_fill


@given(held=st.decimals("0", "10", places=8))
def test_an_exit_sells_all_that_can_be_sold(held: Decimal) -> None:
    pair = instrument(min_quantity=Decimal("0.001"))
    quantity = size_exit(held, pair)
    assert quantity <= held
    assert quantity == 0 or quantity >= pair.min_quantity
    assert quantity % pair.lot_step == 0
    left = held - quantity
    assert left < pair.lot_step or (quantity == 0 and held < pair.min_quantity)
