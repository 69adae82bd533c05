"""What every ledger does with accounts, signals, progress, decisions and equity."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trading_platform.domain.errors import FixSettings
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.strategies.base import Direction
from trading_platform.ports.ledger import AssetBalance, EquityPoint, Ledger, StrategySeries
from trading_platform_tests.support.examples import ACCOUNT, EXIT, START, SYMBOL, decision, minutes, signal

SERIES = StrategySeries("trend_following", "1", SYMBOL, "1m")
OTHER = StrategySeries("trend_following", "2", SYMBOL, "1m")


@pytest.fixture(autouse=True)
def _account(ledger: Ledger) -> None:
    ledger.open_account(ACCOUNT, "USDT", "paper", START)


def test_a_new_account_has_nothing(ledger: Ledger) -> None:
    state = ledger.account(ACCOUNT)
    assert (state.name, state.quote, dict(state.balances)) == (ACCOUNT, "USDT", {})
    assert (state.orders_in_flight, state.reconciled_at) == (0, None)


def test_opening_it_again_changes_nothing(ledger: Ledger) -> None:
    before = ledger.account(ACCOUNT)
    ledger.open_account(ACCOUNT, "USDT", "paper", minutes(1))
    assert ledger.account(ACCOUNT) == before


@pytest.mark.parametrize(("quote", "mode"), [("BTC", "paper"), ("USDT", "live")])
def test_another_quote_or_mode_is_a_mistake(ledger: Ledger, quote: str, mode: str) -> None:
    with pytest.raises(FixSettings):
        ledger.open_account(ACCOUNT, quote, mode, START)


def test_an_unknown_account_is_a_mistake(ledger: Ledger) -> None:
    with pytest.raises(FixSettings, match="other"):
        ledger.account("other")
    with pytest.raises(FixSettings, match="other"):
        ledger.reconcile("other", {}, at_revision=0, at=START)


def test_reconciling_brings_the_balances(ledger: Ledger) -> None:
    before = ledger.account(ACCOUNT)
    totals = {"USDT": Decimal("84.54"), "BTC": Decimal("0.5"), "ETH": Decimal(0)}
    assert ledger.reconcile(ACCOUNT, totals, at_revision=before.revision, at=minutes(1))
    after = ledger.account(ACCOUNT)
    assert after.balances["USDT"] == AssetBalance(Decimal("84.54"), Decimal(0))
    assert after.balances["BTC"].free == Decimal("0.5")
    assert after.revision > before.revision
    assert after.reconciled_at == minutes(1)


def test_an_asset_that_the_venue_leaves_out_is_gone(ledger: Ledger) -> None:
    ledger.reconcile(ACCOUNT, {"USDT": Decimal(10), "BTC": Decimal(1)}, at_revision=0, at=START)
    revision = ledger.account(ACCOUNT).revision
    assert ledger.reconcile(ACCOUNT, {"USDT": Decimal(10)}, at_revision=revision, at=START)
    assert ledger.account(ACCOUNT).balances["BTC"].total == 0


def test_totals_read_before_the_latest_change_are_refused(ledger: Ledger) -> None:
    stale = ledger.account(ACCOUNT).revision
    ledger.reconcile(ACCOUNT, {"USDT": Decimal(10)}, at_revision=stale, at=START)
    before = ledger.account(ACCOUNT)
    assert not ledger.reconcile(ACCOUNT, {"USDT": Decimal(99)}, at_revision=stale, at=minutes(1))
    assert ledger.account(ACCOUNT) == before


def test_the_same_candle_is_the_same_signal(ledger: Ledger) -> None:
    assert ledger.record_signals([], START) == 0
    assert ledger.record_signals([signal(1), signal(2)], START) == 2
    assert ledger.record_signals([signal(2), signal(3), signal(3)], START) == 1
    assert ledger.open_signals(ACCOUNT) == [signal(1), signal(2), signal(3)]


def test_open_signals_are_those_without_a_final_decision(ledger: Ledger) -> None:
    ledger.record_signals([signal(3), signal(1), signal(2)], START)
    ledger.record_decision(decision(signal(1), reason=ReasonCode.SIGNAL_EXPIRED))
    ledger.record_decision(decision(signal(2), reason=ReasonCode.NO_FRESH_PRICE, is_final=False))
    assert ledger.open_signals(ACCOUNT) == [signal(2), signal(3)]
    ledger.record_decision(decision(signal(2), EXIT))
    assert ledger.open_signals(ACCOUNT) == [signal(3)]
    assert ledger.open_signals("other") == []


def test_recent_signals_come_newest_first_and_can_be_narrowed(ledger: Ledger) -> None:
    ether = signal(4, Direction.SHORT, symbol="ETH/USDT")
    other = signal(5, strategy="mean_reversion")
    ledger.record_signals([signal(1), ether, other, signal(3)], START)
    assert ledger.recent_signals(ACCOUNT, 3) == [other, ether, signal(3)]
    assert ledger.recent_signals(ACCOUNT, 9, symbol=SYMBOL) == [other, signal(3), signal(1)]
    assert ledger.recent_signals(ACCOUNT, 1, symbol=SYMBOL, strategy="trend_following") == [signal(3)]
    assert ledger.recent_signals("other", 9) == []


def test_progress_never_moves_back(ledger: Ledger) -> None:
    assert ledger.evaluated_through(ACCOUNT) == {}
    ledger.mark_evaluated(ACCOUNT, {SERIES: minutes(5), OTHER: minutes(9)})
    ledger.mark_evaluated(ACCOUNT, {SERIES: minutes(4)})
    assert ledger.evaluated_through(ACCOUNT) == {SERIES: minutes(5), OTHER: minutes(9)}
    ledger.mark_evaluated(ACCOUNT, {SERIES: minutes(6)})
    assert ledger.evaluated_through(ACCOUNT) == {SERIES: minutes(6), OTHER: minutes(9)}
    ledger.mark_evaluated(ACCOUNT, {})
    assert ledger.evaluated_through("somebody else") == {}


def test_a_repeated_decision_updates_its_row(ledger: Ledger) -> None:
    ledger.record_signals([signal()], START)
    first = decision(signal(), reason=ReasonCode.ORDER_IN_FLIGHT, is_final=False, message="first")
    ledger.record_decision(first)
    ledger.record_decision(replace(first, message="again", decided_at=minutes(1), venue_time=minutes(2), details={}))
    [kept] = ledger.recent_decisions(ACCOUNT, 9)
    assert kept == replace(first, message="again", decided_at=minutes(1), venue_time=minutes(2))


def test_recent_decisions_come_newest_first(ledger: Ledger) -> None:
    ledger.record_signals([signal()], START)
    reasons = [ReasonCode.NO_FRESH_PRICE, ReasonCode.DATA_NOT_TRUSTED, ReasonCode.SIGNAL_EXPIRED]
    made = [decision(signal(), reason=reason, at=minutes(n // 2)) for n, reason in enumerate(reasons)]
    for each in made:
        ledger.record_decision(each)
    assert ledger.recent_decisions(ACCOUNT, 9) == made[::-1]
    assert ledger.recent_decisions(ACCOUNT, 1) == made[2:]


def test_equity_has_one_point_per_minute_of_the_venue(ledger: Ledger) -> None:
    def point(seconds: int, cash: str) -> EquityPoint:
        return EquityPoint(ACCOUNT, minutes(seconds / 60), Decimal(cash), Decimal("0.5"), minutes(seconds))

    for each in (point(0, "84.54"), point(59, "84.00"), point(60, "83.10"), point(130, "82.00")):
        ledger.record_equity(each)
    assert ledger.equity_history(ACCOUNT, 9) == [point(59, "84.00"), point(60, "83.10"), point(130, "82.00")]
    assert ledger.equity_history(ACCOUNT, 2) == [point(60, "83.10"), point(130, "82.00")]


def test_the_course_of_equity_spans_all_of_it_with_few_points(ledger: Ledger) -> None:
    assert ledger.equity_course(ACCOUNT, 4) == []
    points = {n: EquityPoint(ACCOUNT, minutes(n), Decimal(n), Decimal(0), minutes(n)) for n in (0, 1, 2, 30, 41, 100)}
    for each in points.values():
        ledger.record_equity(each)
    # cuts at 0, 25, 50, 75 and 100 minutes
    assert ledger.equity_course(ACCOUNT, 4) == [points[0], points[2], points[41], points[100]]
    assert ledger.equity_course(ACCOUNT, 1) == [points[0], points[100]]
    assert ledger.equity_course(ACCOUNT, 1000) == [*points.values()]
