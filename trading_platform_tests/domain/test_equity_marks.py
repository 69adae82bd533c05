"""What equity is measured against: profit and loss move it, the owner's own money doesn't."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.equity_marks import EquityMarks
from trading_platform_tests.support.examples import START, minutes

money = st.decimals("1", "10000", places=2)
EXACT = Decimal("1e-15")


def test_the_day_begins_with_the_last_that_was_known() -> None:
    marks = EquityMarks.beginning(Decimal(100), minutes(0)).after(Decimal(90), minutes(5))
    assert (marks.day_open_quote, marks.peak_quote, marks.last_quote) == (100, 100, 90)
    after_days = marks.after(Decimal(70), START + timedelta(days=3))
    assert (after_days.day, after_days.day_open_quote) == ((START + timedelta(days=3)).date(), 90)


def test_a_clock_that_goes_back_begins_no_day() -> None:
    marks = EquityMarks.beginning(Decimal(100), START).after(Decimal(90), START - timedelta(days=1))
    assert (marks.day, marks.day_open_quote) == (START.date(), 100)


def test_an_emptied_account_begins_anew() -> None:
    marks = EquityMarks.beginning(Decimal(100), START)
    assert marks.after_transfer(Decimal(100), Decimal(-100)) is None
    assert marks.after_transfer(Decimal(0), Decimal(50)) is None


@given(st.lists(money, min_size=1, max_size=9))
def test_the_peak_is_the_highest_that_was_seen(worths: list[Decimal]) -> None:
    marks = EquityMarks.beginning(worths[0], START)
    for worth in worths[1:]:
        marks = marks.after(worth, START)
    assert marks.peak_quote == max(worths)
    assert 0 <= marks.drawdown_of(worths[-1]) < 1
    assert marks.after_resume().drawdown_of(worths[-1]) == 0


@given(peak=money, worth=money, amount=st.decimals("-9000", "9000", places=2))
def test_money_that_comes_or_goes_changes_no_drawdown(peak: Decimal, worth: Decimal, amount: Decimal) -> None:
    marks = EquityMarks.beginning(peak, START).after(worth, START)
    moved = marks.after_transfer(worth, amount)
    if worth + amount <= 0:
        assert moved is None
        return
    assert moved is not None
    assert abs(moved.drawdown_of(worth + amount) - marks.drawdown_of(worth)) < EXACT
