"""Money that the owner brings or takes is neither profit nor loss."""

from __future__ import annotations

from decimal import Decimal

import hypothesis.strategies as st
import pytest
from hypothesis import given

from trading_platform.domain.returns import time_weighted_return
from trading_platform.domain.transfer import Transfer, TransferKind
from trading_platform_tests.support.examples import START

AMOUNTS = st.decimals(Decimal("0.01"), Decimal(10_000), places=2)


def moved(amount: str | Decimal | None, before: str | Decimal | None) -> Transfer:
    worth = None if amount is None else Decimal(amount)
    return Transfer(
        account="main",
        asset="USDT",
        amount=worth or Decimal(1),
        kind=TransferKind.DEPOSIT if (worth or 1) > 0 else TransferKind.WITHDRAWAL,
        reason="listed by the venue",
        by="venue",
        venue_time=START,
        recorded_at=START,
        amount_quote=worth,
        equity_before_quote=None if before is None else Decimal(before),
    )


@pytest.mark.parametrize(
    ("begin", "end", "transfers", "expected"),
    [
        ("100", "110", [], "0.1"),
        ("100", "200", [moved("100", "100")], "0"),  # a deposit alone earns nothing
        ("100", "20", [moved("-80", "100")], "0"),  # nor does a withdrawal lose
        ("100", "231", [moved("100", "110")], "0.21"),  # 10 %, and 10 % again of 210
        ("100", "80", [moved("100", "50"), moved("-70", "150")], "-0.5"),
        ("100", "120", [moved(None, "100"), moved("5", None)], "0.2"),  # of unknown worth
    ],
)
def test_stretches_between_transfers_are_chained(
    begin: str, end: str, transfers: list[Transfer], expected: str
) -> None:
    assert time_weighted_return(Decimal(begin), Decimal(end), transfers) == Decimal(expected)


@pytest.mark.parametrize(
    ("begin", "transfers"),
    [("0", []), ("0", [moved("50", "0")]), ("100", [moved("-100", "100")])],
)
def test_of_nothing_there_is_no_share(begin: str, transfers: list[Transfer]) -> None:
    assert time_weighted_return(Decimal(begin), Decimal(10), transfers) is None


@given(begin=AMOUNTS, end=AMOUNTS, amount=AMOUNTS)
def test_a_deposit_in_a_market_that_stands_still_changes_nothing(begin: Decimal, end: Decimal, amount: Decimal) -> None:
    plain = time_weighted_return(begin, end, [])
    paid_in = time_weighted_return(begin, end + amount, [moved(amount, end)])
    assert plain is not None
    assert paid_in is not None
    assert abs(plain - paid_in) < Decimal("1e-20") * (1 + abs(plain))
