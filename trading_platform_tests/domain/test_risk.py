from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trading_platform.domain.risk import PositionShareTier, ReasonCode, largest_position_share

TIERS = (
    PositionShareTier(below_equity_quote=Decimal(100), share=Decimal("0.80")),
    PositionShareTier(below_equity_quote=Decimal(1000), share=Decimal("0.30")),
    PositionShareTier(share=Decimal("0.10")),
)


@pytest.mark.parametrize(
    ("equity", "share"),
    [("0", "0.80"), ("84.54", "0.80"), ("99.99", "0.80"), ("100", "0.30"), ("999.99", "0.30"), ("1000", "0.10")],
)
def test_the_share_falls_with_the_size_of_the_account(equity: str, share: str) -> None:
    assert largest_position_share(TIERS, Decimal(equity)) == Decimal(share)


@given(one=st.decimals("0", "5000", places=2), other=st.decimals("0", "5000", places=2))
def test_a_larger_account_never_risks_a_larger_share(one: Decimal, other: Decimal) -> None:
    small, large = sorted((one, other))
    assert largest_position_share(TIERS, small) >= largest_position_share(TIERS, large)


@pytest.mark.parametrize("share", ["0", "-0.1", "1.01", "NaN"])
def test_a_share_is_a_fraction(share: str) -> None:
    with pytest.raises(ValidationError):
        PositionShareTier(share=Decimal(share))


def test_reason_codes_fit_the_ledger() -> None:
    assert all(code.replace("_", "").isalpha() and code.islower() for code in ReasonCode)
