"""An entry's size: within the limits, on the grid, closable, and never smaller for having more money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.errors import RefuseTrade
from trading_platform.domain.instrument import Instrument, floor_to_step
from trading_platform.domain.risk import PositionShareTier, ReasonCode
from trading_platform.domain.sizing import (
    EntryLimits,
    SizedOrder,
    SizingBasis,
    SizingMethod,
    SizingRules,
    size_entry,
    size_exit,
)
from trading_platform.domain.sizing.closable import is_closable, sellable_after, smallest_closable
from trading_platform.domain.sizing.entry import BPS
from trading_platform_tests.support.examples import instrument

TIERS = (
    PositionShareTier(below_equity_quote=Decimal(100), share=Decimal("0.80")),
    PositionShareTier(below_equity_quote=Decimal(1000), share=Decimal("0.30")),
    PositionShareTier(share=Decimal("0.10")),
)
FLOOR = Decimal(10)
SLIPPAGE = Decimal(50)
FRACTION_ONLY = SizingRules(methods=(SizingMethod.FIXED_FRACTION,))
PENNY = {"lot_step": Decimal("0.1"), "min_quantity": Decimal("0.1"), "tick_size": Decimal("0.0001")}


def sized(
    equity: Decimal | str,
    free: Decimal | str,
    ask: Decimal | str = "84705.64",
    fraction: str = "0.30",
    pair: Instrument | None = None,
    *,
    stop: Decimal | str | None = None,
    limit: Decimal | str | None = None,
    rules: SizingRules = FRACTION_ONLY,
    open_orders: int = 0,
    room: Decimal | None = None,
    **more: Any,
) -> SizedOrder:
    pair = pair or instrument()
    price = Decimal(ask)
    stop_price = floor_to_step(price * Decimal("0.98"), pair.tick_size) if stop is None else Decimal(stop)
    stop_limit = None if limit is None else Decimal(limit)
    basis = SizingBasis(Decimal(equity), Decimal(free), price, stop_price, stop_limit, **more)
    return size_entry(
        basis, pair, rules, EntryLimits(Decimal(fraction), TIERS, FLOOR, SLIPPAGE, room), open_orders=open_orders
    )


def refused(*arguments: Any, **more: Any) -> RefuseTrade:
    with pytest.raises(RefuseTrade) as refusal:
        sized(*arguments, **more)
    return refusal.value


def test_a_fraction_of_the_equity_on_the_lot_grid() -> None:
    order = sized("84.54", "84.54")
    assert order.quantity == Decimal("0.00029")  # 25.36 / 84705.64 = 0.000299…
    assert order.reserve_quote == Decimal("0.00029") * Decimal("84705.64") * Decimal("1.005") * Decimal("1.001")


def test_the_steps_tell_how_the_size_came_about() -> None:
    order = sized("84.54", "84.54", rules=SizingRules(), stop="80000")
    assert order.steps == (
        "fixed_fraction: 30.00% of equity 84.54 = 25.36",
        "fixed_risk: 2.00% of equity 84.54 at risk, 5.74% lost with fees if sold at 80000 = 29.44",
        "most conservative: fixed_fraction",
        "largest position 80.00% of equity = 67.63",
        "affordable from free 84.54 after slippage and fee = 84.04",
        "smallest order: the floor of 10 = 0.00012 BTC",
        "as proposed: 0.00029 BTC at 84705.64 = 24.56 USDT",
    )


def test_three_positions_fit_into_a_small_account() -> None:
    free = Decimal("84.54")
    for ask, step in (("84705.64", "0.00001"), ("2000.50", "0.0001"), ("140.25", "0.001")):
        pair = instrument(lot_step=Decimal(step), min_quantity=Decimal(step))
        order = sized("84.54", free, ask, pair=pair)
        free -= order.reserve_quote
        assert order.quantity * Decimal(ask) >= FLOOR
    assert free >= 0


def test_a_small_account_is_raised_to_the_floor() -> None:
    order = sized("20", "20", ask="1.00", pair=instrument(**PENNY))
    assert order.quantity == 10
    assert order.steps[-1].startswith("raised to the smallest")


def test_a_proposal_of_nothing_is_raised_as_well() -> None:
    order = sized("84.54", "84.54", rules=SizingRules(methods=(SizingMethod.KELLY,)))
    assert "0 of 0 trades won" in order.steps[0]
    assert order.quantity == Decimal("0.00012")  # the floor of 10, up to the next lot


def test_a_proposal_is_cut_to_what_is_affordable() -> None:
    order = sized("84.54", "15")
    assert order.steps[-1].startswith("cut to the limit")
    assert order.reserve_quote <= 15


def test_the_protections_of_the_account_leave_less() -> None:
    assert sized("84.54", "84.54", room=Decimal(15)).quantity == Decimal("0.00017")
    refusal = refused("84.54", "84.54", room=Decimal(0))
    assert refusal.reason_code == ReasonCode.BELOW_EXCHANGE_MINIMUM
    assert "left by the protections of the account = 0.00" in str(refusal)


def test_a_lot_is_added_where_rounding_down_would_miss_the_floor() -> None:
    coarse = instrument(lot_step=Decimal("0.00010"))
    assert sized("30", "30", pair=coarse).quantity == Decimal("0.00020")  # one lot is 8.47, two are 16.94


def test_no_lot_between_floor_and_limit() -> None:
    coarse = instrument(lot_step=Decimal("0.00010"))
    assert refused("15", "15", pair=coarse).reason_code == ReasonCode.NOT_CLOSABLE  # of one lot the fee leaves none
    free_of_fees = instrument(lot_step=Decimal("0.00010"), taker_fee_rate=Decimal(0))
    assert refused("15", "15", pair=free_of_fees).reason_code == ReasonCode.BELOW_EXCHANGE_MINIMUM


@pytest.mark.parametrize(
    ("equity", "free", "reason"),
    [
        ("84.54", "10.05", ReasonCode.INSUFFICIENT_FREE_BALANCE),
        ("84.54", "0", ReasonCode.INSUFFICIENT_FREE_BALANCE),
        ("12", "12", ReasonCode.BELOW_NOTIONAL_FLOOR),
    ],
)
def test_too_little(equity: str, free: str, reason: ReasonCode) -> None:
    refusal = refused(equity, free)
    assert refusal.reason_code == reason
    assert "largest position" in str(refusal)


def test_what_could_not_be_sold_at_the_stop_is_refused() -> None:
    # 10.50 can be bought, but at the stop it would be worth less than the exchange takes
    strict = instrument(min_notional_quote=Decimal(10), **PENNY)
    refusal = refused("13.2", "13.2", "1.0000", pair=strict, stop="0.9000")
    assert refusal.reason_code == ReasonCode.NOT_CLOSABLE
    assert "can be sold at 0.9 " in str(refusal)
    assert sized("14.2", "14.2", "1.0000", pair=strict, stop="0.9000").quantity >= Decimal("11.2")


def test_the_exchange_asks_for_more_than_the_limits_allow() -> None:
    strict = instrument(min_notional_quote=Decimal(50))
    assert refused("60", "60", pair=strict).reason_code == ReasonCode.BELOW_EXCHANGE_MINIMUM


def test_the_fee_in_base_counts_before_the_lot() -> None:
    whole = instrument(lot_step=Decimal(1), min_quantity=Decimal(1), tick_size=Decimal("0.01"))
    # of 3 bought, 2.997 are left and 2 can be sold: at a stop of 5.00 that is 10
    assert smallest_closable(Decimal("5.50"), Decimal("5.00"), instrument(**_whole("10"))) == 3
    assert sellable_after(Decimal(3), whole) == 2
    assert not is_closable(Decimal(2), Decimal("5.00"), instrument(**_whole("10")))


def _whole(notional: str) -> dict[str, Decimal]:
    return {
        "lot_step": Decimal(1),
        "min_quantity": Decimal(1),
        "tick_size": Decimal("0.01"),
        "min_notional_quote": Decimal(notional),
    }


@pytest.mark.parametrize(
    ("changes", "stop", "words"),
    [
        ({}, "80000.001", "grid 0.01"),
        ({"min_price": Decimal(81000)}, "80000", "81000 to None"),
        ({"max_price": Decimal(70000)}, "80000", "no price of 80000"),
        ({"max_orders": 1}, "80000", "2 orders of BTC/USDT, the exchange takes 1"),
        ({"max_algo_orders": 1}, "80000", "2 waiting orders of BTC/USDT, the exchange takes 1"),
    ],
)
def test_a_stop_that_the_exchange_would_not_take(changes: dict[str, Any], stop: str, words: str) -> None:
    refusal = refused("84.54", "84.54", pair=instrument(**changes), stop=stop)
    assert refusal.reason_code == ReasonCode.STOP_NOT_PLACEABLE
    assert words in str(refusal)


def test_a_stop_that_asks_a_price_keeps_within_the_band() -> None:
    pair = instrument(min_sell_price_ratio=Decimal("0.8"))
    refusal = refused("84.54", "84.54", pair=pair, stop="80000", limit="60000")
    assert refusal.reason_code == ReasonCode.STOP_NOT_PLACEABLE
    assert "only 0.8 to None times the price" in str(refusal)
    assert sized("84.54", "84.54", pair=pair, stop="80000", limit="70000").quantity > 0
    assert sized("84.54", "84.54", pair=pair, stop="60000").quantity > 0  # it sells at any price


def test_what_the_stop_asks_decides_whether_it_is_large_enough() -> None:
    strict = instrument(min_notional_quote=Decimal(10), **PENNY)
    at_any_price = sized("20", "20", "1.0000", pair=strict, stop="0.9500", fraction="0.1")
    at_least = sized("20", "20", "1.0000", pair=strict, stop="0.9500", limit="0.9000", fraction="0.1")
    assert at_any_price.quantity < at_least.quantity


def test_orders_that_rest_already_count() -> None:
    pair = instrument(max_algo_orders=5)
    assert sized("84.54", "84.54", pair=pair, open_orders=3).quantity > 0
    assert refused("84.54", "84.54", pair=pair, open_orders=4).reason_code == ReasonCode.STOP_NOT_PLACEABLE


@pytest.mark.parametrize("stop", ["84705.64", "90000"])
def test_a_stop_that_is_not_below_the_price_protects_nothing(stop: str) -> None:
    assert refused("84.54", "84.54", rules=SizingRules(), stop=stop).reason_code == ReasonCode.STOP_NOT_PLACEABLE


@pytest.mark.parametrize("bound", ["max_quantity", "max_position", "max_notional_quote"])
def test_the_exchanges_largest_order(bound: str) -> None:
    most = Decimal(30) if bound == "max_notional_quote" else Decimal("0.00036")
    assert sized("10000", "10000", pair=instrument(**{bound: most})).quantity in (
        Decimal("0.00035"),
        Decimal("0.00036"),
    )
    none = Decimal(1) if bound == "max_notional_quote" else Decimal("0.00001")
    refusal = refused("10000", "10000", pair=instrument(**{bound: none}))
    assert refusal.reason_code == ReasonCode.BELOW_EXCHANGE_MINIMUM


prices = st.decimals("0.0001", "200000", places=4)
money = st.decimals("0", "5000", places=2)
methods = st.sets(st.sampled_from(SizingMethod), min_size=1).map(
    lambda chosen: SizingRules(methods=tuple(sorted(chosen)))
)
markets = st.fixed_dictionaries(
    {
        "ask": prices,
        "distance": st.sampled_from(["0.001", "0.02", "0.3"]),
        "places": st.integers(0, 8),
        "smallest": st.sampled_from(["1", "5", "20"]),
        "fee": st.sampled_from(["0", "0.00075", "0.001", "0.0123"]),
    }
)
records = st.lists(st.decimals("-0.05", "0.05", places=4), max_size=50)


def _pair(market: dict[str, Any]) -> Instrument:
    lot = Decimal(1).scaleb(-market["places"])
    return instrument(
        lot_step=lot,
        min_quantity=lot,
        min_notional_quote=Decimal(market["smallest"]),
        taker_fee_rate=Decimal(market["fee"]),
        tick_size=Decimal("0.00000001"),
    )


def _stop(market: dict[str, Any]) -> Decimal:
    return floor_to_step(market["ask"] * (1 - Decimal(market["distance"])), Decimal("0.00000001"))


@given(
    equity=money,
    free=money,
    market=markets,
    fraction=st.sampled_from(["0.01", "0.30", "1"]),
    rules=methods,
    returns=records,
    volatility=st.floats(0.001, 10),
)
def test_whatever_is_sized_keeps_every_limit_and_can_be_closed(
    equity: Decimal,
    free: Decimal,
    market: dict[str, Any],
    fraction: str,
    rules: SizingRules,
    returns: list[Decimal],
    volatility: float,
) -> None:
    pair, ask, stop = _pair(market), market["ask"], _stop(market)
    try:
        order = sized(
            equity, free, ask, fraction, pair, stop=stop, rules=rules, trade_returns=returns, volatility=volatility
        )
    except RefuseTrade:
        return
    notional = order.quantity * ask
    assert order.quantity % pair.lot_step == 0
    assert pair.is_tradable(order.quantity, ask)
    assert is_closable(order.quantity, stop, pair)
    assert notional >= FLOOR
    assert notional <= EntryLimits(Decimal(1), TIERS, FLOOR, SLIPPAGE).largest_share(equity) * equity
    smallest = max(FLOOR, smallest_closable(ask, stop, pair) * ask)
    if SizingMethod.FIXED_FRACTION in rules.methods:
        assert notional <= max(Decimal(fraction) * equity, smallest + pair.lot_step * ask)
    assert order.reserve_quote <= free * (1 + Decimal("1e-20"))
    assert order.reserve_quote >= order.quantity * ask * (1 + SLIPPAGE / BPS)


@given(market=markets, equity=money, less=money, more=money, rules=methods, returns=records)
def test_more_free_money_never_buys_less(
    market: dict[str, Any], equity: Decimal, less: Decimal, more: Decimal, rules: SizingRules, returns: list[Decimal]
) -> None:
    less, more = sorted((less, more))
    assert _quantity(market, equity, less, rules, returns) <= _quantity(market, equity, more, rules, returns)


@given(market=markets, less=money, more=money, rules=methods, returns=records)
def test_a_larger_account_never_buys_less_within_its_tier(
    market: dict[str, Any], less: Decimal, more: Decimal, rules: SizingRules, returns: list[Decimal]
) -> None:
    less, more = sorted((less, more))
    limits = EntryLimits(Decimal(1), TIERS, FLOOR, SLIPPAGE)
    if limits.largest_share(less) == limits.largest_share(more):
        assert _quantity(market, less, less, rules, returns) <= _quantity(market, more, more, rules, returns)


def _quantity(
    market: dict[str, Any], equity: Decimal, free: Decimal, rules: SizingRules, returns: list[Decimal]
) -> Decimal:
    try:
        return sized(
            equity,
            free,
            market["ask"],
            pair=_pair(market),
            stop=_stop(market),
            rules=rules,
            trade_returns=returns,
            volatility=0.5,
        ).quantity
    except RefuseTrade:
        return Decimal(0)


@given(market=markets)
def test_nothing_smaller_than_the_smallest_closable_can_be_closed(market: dict[str, Any]) -> None:
    pair, ask, stop = _pair(market), market["ask"], _stop(market)
    if stop == 0:
        return
    smallest = smallest_closable(ask, stop, pair)
    assert is_closable(smallest, stop, pair) or smallest > (pair.max_quantity or smallest)
    below = smallest - pair.lot_step
    assert not (pair.is_tradable(below, ask) and is_closable(below, stop, pair))


@given(held=st.decimals("0", "10", places=8))
def test_an_exit_sells_all_that_can_be_sold(held: Decimal) -> None:
    pair = instrument(min_quantity=Decimal("0.001"))
    quantity = size_exit(held, pair)
    assert quantity <= held
    assert quantity == 0 or quantity >= pair.min_quantity
    assert quantity % pair.lot_step == 0
    left = held - quantity
    assert left < pair.lot_step or (quantity == 0 and held < pair.min_quantity)
