from __future__ import annotations

from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from trading_platform.domain.order import Fill, Side
from trading_platform.domain.position import Position
from trading_platform_tests.support.examples import ACCOUNT, SYMBOL, fill, instrument, minutes

PAIR = instrument()
ZERO = Decimal(0)
NEW = Position(ACCOUNT, SYMBOL, "trend_following", minutes(1), minutes(1))


def applied(position: Position, side: Side, *fills: Fill) -> Position:
    for each in fills:
        position = position.apply(side, each, PAIR)
    return position


def test_a_fee_in_base_shrinks_what_is_held() -> None:
    held = applied(NEW, Side.BUY, fill("1", "0.001", "50000", fee="0.000001"))
    assert (held.quantity, held.bought_quantity, held.cost_quote) == (
        Decimal("0.000999"),
        Decimal("0.001"),
        Decimal(50),
    )
    assert held.average_price == Decimal(50) / Decimal("0.000999")


def test_a_fee_in_quote_raises_the_cost_and_shrinks_the_proceeds() -> None:
    held = applied(NEW, Side.BUY, fill("1", "0.001", "50000", fee="0.05", fee_asset="USDT"))
    assert held.cost_quote == Decimal("50.05")
    sold = applied(held, Side.SELL, fill("2", "0.001", "60000", fee="0.06", fee_asset="USDT", at=minutes(5)))
    assert sold.realized_pnl_quote == Decimal("59.94") - Decimal("50.05")
    assert (sold.quantity, sold.cost_quote, sold.closed_at) == (ZERO, ZERO, minutes(5))
    assert sold.average_price is None


def test_a_fee_in_a_third_asset_concerns_neither() -> None:
    held = applied(NEW, Side.BUY, fill("1", "0.001", "50000", fee="0.1", fee_asset="BNB"))
    assert (held.quantity, held.cost_quote) == (Decimal("0.001"), Decimal(50))


def test_it_closes_when_less_than_one_lot_is_left() -> None:
    held = applied(NEW, Side.BUY, fill("1", "0.001", fee="0.000001"))
    part = applied(held, Side.SELL, fill("2", "0.0008"))
    assert part.is_open
    rest = applied(part, Side.SELL, fill("3", "0.00019"))
    assert not rest.is_open
    assert rest.quantity == Decimal("0.000009")


def test_it_closes_when_the_rest_is_below_the_smallest_order() -> None:
    held = applied(NEW, Side.BUY, fill("1", "0.001"))
    part = applied(held, Side.SELL, fill("2", "0.0009"))
    assert part.is_open  # 5.00 USDT: just enough
    rest = applied(held, Side.SELL, fill("2", "0.00091"))
    assert not rest.is_open  # 4.50 USDT: no venue would take the order
    assert rest.quantity == Decimal("0.00009")


def test_dust_moves_on_with_its_cost() -> None:
    closed = applied(NEW, Side.BUY, fill("1", "0.001", fee="0.000001"))
    closed = applied(closed, Side.SELL, fill("2", "0.00099"))
    bought = applied(NEW, Side.BUY, fill("3", "0.001"))
    emptied, carried = closed.carry_into(bought)
    assert (emptied.quantity, emptied.cost_quote) == (ZERO, ZERO)
    assert emptied.closed_at == closed.closed_at
    assert carried.quantity == bought.quantity + Decimal("0.000009")
    assert carried.cost_quote == bought.cost_quote + closed.cost_quote


quantities = st.integers(1, 10_000).map(lambda lots: Decimal(lots) / 100_000)
prices = st.decimals("0.01", "200000", places=2)
trades = st.tuples(st.sampled_from(Side), quantities, prices, st.sampled_from(["BTC", "USDT", "BNB"]))


@given(st.lists(trades, max_size=30))
def test_the_books_balance_whatever_is_traded(sequence: list[tuple[Side, Decimal, Decimal, str]]) -> None:
    position, cash, base = NEW, Decimal(0), Decimal(0)
    for number, (side, quantity, price, payer) in enumerate(sequence):
        if side is Side.SELL and quantity > base:
            continue
        worth = {"BTC": quantity, "USDT": quantity * price}.get(payer, Decimal(1))
        fee = worth * Decimal("0.001")
        if side is Side.SELL and payer == "BTC" and quantity + fee > base:
            continue
        position = position.apply(side, fill(str(number), quantity, price, fee=fee, fee_asset=payer), PAIR)
        sign = 1 if side is Side.BUY else -1
        base += sign * quantity - (fee if payer == "BTC" else 0)
        cash -= sign * quantity * price + (fee if payer == "USDT" else 0)
    assert position.quantity == base
    assert position.cost_quote >= 0
    # what came in, less what went out, is what was earned, less what is still invested
    assert abs(cash - (position.realized_pnl_quote - position.cost_quote)) < Decimal("1e-15")


def test_a_fee_beyond_what_was_bought_holds_nothing_rather_than_less() -> None:
    held = applied(NEW, Side.BUY, fill("1", "0.00001", fee="0.000018"))
    assert (held.quantity, held.is_open) == (ZERO, False)


@given(
    bought=st.lists(st.integers(1, 500), min_size=1, max_size=4),
    sold=st.integers(0, 400),
    there=st.integers(0, 2500),
)
def test_what_leaves_unsold_takes_its_cost_and_brings_nothing(bought: list[int], sold: int, there: int) -> None:
    lot = Decimal("0.00001")
    before = applied(NEW, Side.BUY, *(fill(f"b{n}", lot * each, "50000") for n, each in enumerate(bought)))
    if 0 < sold < sum(bought):
        before = applied(before, Side.SELL, fill("s", lot * sold, "40000"))
    assume(before.is_open)
    after = before.cut_to(lot * there, PAIR, minutes(9))
    assert after.quantity == min(before.quantity, lot * there)
    assert after.realized_pnl_quote == before.realized_pnl_quote
    gone = before.cost_quote - after.cost_quote
    uninvested = gone if after.is_open else before.cost_quote
    assert abs(before.invested_quote - after.invested_quote - uninvested) < Decimal("1e-20")
    if after.quantity:
        assert before.average_price is not None
        assert after.average_price is not None
        assert abs(after.average_price - before.average_price) < Decimal("1e-15")
    else:
        assert (after.cost_quote, after.is_open, after.is_trade) == (ZERO, False, before.realized_pnl_quote != 0)
