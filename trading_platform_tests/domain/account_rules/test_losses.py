"""What was lost: of the peak, of the day, in a row; each stops buying for as long as its rule says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.account_rules import (
    ClosedTrade,
    judge_daily_loss,
    judge_drawdown,
    judge_halt,
    judge_losing_streak,
)
from trading_platform.domain.equity_marks import EquityMarks
from trading_platform.domain.halt import Halt
from trading_platform.domain.risk import ReasonCode
from trading_platform_tests.domain.account_rules.views import ETH, NOON, seconds_ago, view
from trading_platform_tests.support.examples import ACCOUNT, SYMBOL

TWENTY = Decimal("0.20")
money = st.decimals("0.01", "100000", places=2)


def marks(peak: str = "100", day_open: str = "100") -> EquityMarks:
    return EquityMarks(Decimal(peak), NOON.date(), Decimal(day_open), Decimal(100))


def test_a_halt_refuses_and_says_who_and_why() -> None:
    halt = Halt(ACCOUNT, "owner", "holiday", NOON, NOON)
    refused = judge_halt(view(halt=halt))
    assert refused.code is ReasonCode.HALTED
    assert "owner" in refused.reason
    assert "holiday" in refused.reason
    assert (refused.until, refused.may_heal) == (None, False)
    assert judge_halt(view()).passed


@pytest.mark.parametrize(("equity", "passed"), [("100", True), ("80.01", True), ("80", False), ("12", False)])
def test_drawdown_from_the_peak(equity: str, passed: bool) -> None:
    verdict = judge_drawdown(view(equity_quote=Decimal(equity), marks=marks()), TWENTY)
    assert verdict.passed is passed
    assert verdict.code is (None if passed else ReasonCode.MAX_DRAWDOWN)
    assert not verdict.may_heal


def test_an_account_without_marks_has_lost_nothing() -> None:
    assert judge_drawdown(view(), TWENTY).passed
    assert judge_daily_loss(view(), TWENTY).passed


@given(peak=money, equity=money, limit=st.decimals("0.01", "1", places=2))
def test_drawdown_is_refused_from_the_limit_on_and_only_then(peak: Decimal, equity: Decimal, limit: Decimal) -> None:
    verdict = judge_drawdown(view(equity_quote=equity, marks=marks(str(peak))), limit)
    assert verdict.passed == (max(1 - equity / peak, Decimal(0)) < limit)


@pytest.mark.parametrize(("equity", "passed"), [("120", True), ("95.01", True), ("95", False)])
def test_daily_loss_lasts_until_midnight(equity: str, passed: bool) -> None:
    verdict = judge_daily_loss(view(equity_quote=Decimal(equity), marks=marks(peak="999")), Decimal("0.05"))
    assert verdict.passed is passed
    if not passed:
        assert verdict.code is ReasonCode.DAILY_LOSS
        assert verdict.until == datetime(2025, 3, 2, tzinfo=UTC)


def test_yesterdays_loss_is_over() -> None:
    yesterday = EquityMarks(Decimal(100), NOON.date() - timedelta(days=1), Decimal(1000), Decimal(100))
    assert judge_daily_loss(view(marks=yesterday), Decimal("0.05")).passed


def trades(*results: int, newest_seconds_ago: float = 60) -> list[ClosedTrade]:
    """Closed trades, the newest first, ten seconds apart."""
    return [
        ClosedTrade(SYMBOL if n % 2 else ETH, seconds_ago(newest_seconds_ago + 10 * n), Decimal(result))
        for n, result in enumerate(results)
    ]


@pytest.mark.parametrize(
    ("results", "passed"),
    [((), True), ((-1, -1), True), ((-1, -1, -1), False), ((1, -1, -1, -1), True), ((0, -1, -1, -1), True)],
)
def test_losses_in_a_row_over_all_symbols(results: tuple[int, ...], passed: bool) -> None:
    assert judge_losing_streak(view(closed_trades=trades(*results)), 3, 600).passed is passed


@pytest.mark.parametrize(("ago", "passed"), [(599.0, False), (600.0, True)])
def test_the_pause_ends_by_itself(ago: float, passed: bool) -> None:
    lost = view(closed_trades=trades(-1, -1, -1, newest_seconds_ago=ago))
    verdict = judge_losing_streak(lost, 3, 600)
    assert verdict.passed is passed
    if not passed:
        assert verdict.code is ReasonCode.LOSING_STREAK
        assert verdict.until == NOON + timedelta(seconds=1)


@given(results=st.lists(st.integers(-3, 3), max_size=8), needed=st.integers(1, 5))
def test_only_an_unbroken_streak_counts(results: list[int], needed: int) -> None:
    verdict = judge_losing_streak(view(closed_trades=trades(*results)), needed, 600)
    assert verdict.passed == (len(results) < needed or any(result >= 0 for result in results[:needed]))
