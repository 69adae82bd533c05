"""The old failure: 67.63, 50 and 30 USDT approved at once against 84.54, by runs that no lane holds back (I2)."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from multiprocessing.process import BaseProcess

import pytest

from trading_platform.domain.order import OrderStatus
from trading_platform.domain.risk import ReasonCode
from trading_platform_tests.faults import trade_run
from trading_platform_tests.support.examples import SYMBOL
from trading_platform_tests.support.simulated import SimulatedExchange
from trading_platform_tests.support.trading_floor import TradingFloor, floor_settings

pytestmark = pytest.mark.integration

RUNS = 16
MONEY = Decimal("84.54")
WANTED = [Decimal("67.63"), Decimal("50"), Decimal("30")]
SYMBOLS = [SYMBOL, "ETH/USDT", "SOL/USDT"]
STRATEGIES = ["trend_following", "mean_reversion", "third", "fourth", "fifth", "sixth"]


@pytest.fixture
def floor(database_url: str, venue: SimulatedExchange) -> TradingFloor:
    """A desk whose rules leave it to the ledger alone to say no."""
    everything = [{"share": Decimal(1)}]
    settings = floor_settings(database_url, venue, position_share_tiers=everything, max_open_positions=100)
    return TradingFloor(settings, venue)


@contextmanager
def _sixteen_runs(floor: TradingFloor) -> Iterator[list[BaseProcess]]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(trade_run.PRELOADED)
    rivals = context.Barrier(RUNS)
    runs: list[BaseProcess] = [
        context.Process(
            target=trade_run.run_one,
            args=(floor.settings, number, round(WANTED[number % 3] / MONEY, 6), rivals),
            daemon=True,
        )
        for number in range(RUNS)
    ]
    for run in runs:
        run.start()
    try:
        yield runs
    finally:
        for run in runs:
            run.kill()
            run.join()


def _watch_until_all_have_ended(floor: TradingFloor, runs: list[BaseProcess]) -> None:
    """Look at both books again and again."""
    while any(run.is_alive() for run in runs):
        [(total, reserved)] = floor.query("SELECT total, reserved FROM balances WHERE asset = 'USDT'")
        assert 0 <= reserved <= total <= MONEY
        assert floor.venue_totals()["USDT"] >= 0
        time.sleep(0.02)


def test_sixteen_runs_at_once_never_spend_more_than_there_is(floor: TradingFloor) -> None:
    floor.trade_until_quiet()
    signals = [floor.says(60, symbol=symbol, strategy=strategy) for symbol in SYMBOLS for strategy in STRATEGIES]

    with _sixteen_runs(floor) as runs:
        _watch_until_all_have_ended(floor, runs)
        assert [run.exitcode for run in runs] == [0] * RUNS
    floor.trade_until_quiet()

    floor.assert_books_agree()
    spent = floor.query("SELECT sum(price * quantity) FROM fills")[0][0]
    assert 0 < spent <= MONEY
    statuses = {status for *_, status, _ in floor.orders()}
    assert statuses == {OrderStatus.FILLED}  # the venue never had to say that there is no money
    _assert_refusals_are_explained(floor, len(signals))


def _assert_refusals_are_explained(floor: TradingFloor, signals: int) -> None:
    decided = floor.query("SELECT signal_id, reason, message FROM decisions WHERE is_final")
    assert len({signal_id for signal_id, _, _ in decided}) == signals
    approved = {signal_id for signal_id, reason, _ in decided if reason == ReasonCode.APPROVED}
    assert len(approved) == len(floor.orders())
    short = [message for _, reason, message in decided if reason == ReasonCode.INSUFFICIENT_FREE_BALANCE]
    assert all("free" in message for message in short)
    assert any("needed" in message for message in short)  # sized in time, and too late to reserve
    reasons = {reason for _, reason, _ in decided}
    late = {ReasonCode.SYMBOL_EXPOSURE, ReasonCode.TOTAL_EXPOSURE}  # judged after a rival had reserved
    assert reasons <= {ReasonCode.APPROVED, ReasonCode.INSUFFICIENT_FREE_BALANCE, ReasonCode.POSITION_EXISTS, *late}
