"""What the owner may write as the size of an account."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trading_platform.domain.errors import FixSettings
from trading_platform.runtime.size_view import balance_of


@pytest.mark.parametrize("text", ["84.54", "1e3", "0.00000001"])
def test_an_amount_is_one(text: str) -> None:
    assert balance_of(text) == Decimal(text)


@pytest.mark.parametrize("text", ["", "abc", "84,54", "0", "-1", "NaN", "sNaN", "Infinity", "1e400"])
def test_what_is_no_amount_is_told_in_one_line(text: str) -> None:
    with pytest.raises(FixSettings, match="--balance") as mistake:
        balance_of(text)
    assert "\n" not in str(mistake.value)
