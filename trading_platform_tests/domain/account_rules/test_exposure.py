"""How much may stand at risk: the room that is left bounds the entry, and none refuses it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.account_rules import judge_live_cap, judge_symbol_exposure, judge_total_exposure
from trading_platform.domain.risk import ReasonCode
from trading_platform_tests.domain.account_rules.views import ETH, view
from trading_platform_tests.support.examples import SYMBOL

HALF = Decimal("0.5")
money = st.decimals("0", "1000", places=2)


def held(bitcoin: str | Decimal = "0", ether: str | Decimal = "0") -> dict[str, Decimal]:
    return {symbol: Decimal(each) for symbol, each in ((SYMBOL, bitcoin), (ETH, ether)) if Decimal(each)}


@pytest.mark.parametrize(
    ("exposure", "room"), [(held(), 50), (held(ether="80"), 50), (held("40"), 10), (held("40.01"), None)]
)
def test_room_in_one_symbol(exposure: dict[str, Decimal], room: int | None) -> None:
    verdict = judge_symbol_exposure(view(exposure_quote=exposure), HALF)
    assert verdict.code is (ReasonCode.SYMBOL_EXPOSURE if room is None else None)
    if room is not None:
        assert verdict.room_quote == room


@pytest.mark.parametrize(("exposure", "room"), [(held(), 50), (held("20", "20"), 10), (held("20", "20.01"), None)])
def test_room_over_all_symbols(exposure: dict[str, Decimal], room: int | None) -> None:
    verdict = judge_total_exposure(view(exposure_quote=exposure), HALF)
    assert verdict.code is (ReasonCode.TOTAL_EXPOSURE if room is None else None)
    if room is not None:
        assert verdict.room_quote == room


def test_an_account_too_small_for_any_order_is_left_to_sizing() -> None:
    verdict = judge_total_exposure(view(equity_quote=Decimal(12)), HALF)
    assert (verdict.passed, verdict.room_quote) == (True, 6)


@given(bitcoin=money, ether=money, equity=money, share=st.decimals("0.01", "1", places=2))
def test_what_passes_never_exceeds_the_limit(bitcoin: Decimal, ether: Decimal, equity: Decimal, share: Decimal) -> None:
    seen = view(exposure_quote=held(bitcoin, ether), equity_quote=equity)
    for verdict, used in (
        (judge_symbol_exposure(seen, share), bitcoin),
        (judge_total_exposure(seen, share), bitcoin + ether),
    ):
        assert verdict.room_quote is not None
        assert verdict.room_quote >= 0
        if verdict.room_quote:
            assert used + verdict.room_quote == share * equity


def test_paper_has_no_cap() -> None:
    verdict = judge_live_cap(view(exposure_quote=held("900")), Decimal(50), Decimal(20))
    assert (verdict.passed, verdict.room_quote) == (True, None)


@pytest.mark.parametrize(("bitcoin", "room"), [("0", 20), ("25", 20), ("40", 10), ("45", None), ("60", None)])
def test_real_money_is_capped_by_order_and_altogether(bitcoin: str, room: int | None) -> None:
    seen = view(exposure_quote=held(bitcoin), equity_quote=Decimal(100_000), is_live=True)
    verdict = judge_live_cap(seen, Decimal(50), Decimal(20))
    assert verdict.code is (ReasonCode.LIVE_CAP if room is None else None)
    if room is not None:
        assert verdict.room_quote == room
