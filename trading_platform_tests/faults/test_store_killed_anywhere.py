"""A process may be killed at any step of spooling or sending: nothing it accepted is lost, nothing is doubled (I5)."""

from __future__ import annotations

import multiprocessing
import signal
from itertools import count
from pathlib import Path

import pytest

from trading_platform.ports.series_store import CandleRange, RangeVersion
from trading_platform_tests.faults import spool_run
from trading_platform_tests.faults.spool_run import RemoteSite, script
from trading_platform_tests.support.examples import MINUTE, SYMBOL, minutes
from trading_platform_tests.support.postgres import PostgresServer

pytestmark = pytest.mark.integration

FEWEST_STEPS = 40


def _run(url: str, killed_at: int, told: Path, first: int) -> int | None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(spool_run.PRELOADED)
    process = context.Process(target=spool_run.run, args=(url, killed_at, told, first), daemon=True)
    process.start()
    process.join(60)
    return process.exitcode


def _accepted(told: Path) -> list[int]:
    return [int(line) for line in told.read_text().splitlines()] if told.exists() else []


def test_whatever_step_is_the_last_nothing_is_lost_or_doubled(postgres_server: PostgresServer, tmp_path: Path) -> None:
    for killed_at in count():
        url, told = postgres_server.emptied_database(), tmp_path / f"{killed_at}"
        exit_code = _run(url, killed_at, told, 0)
        if exit_code == 0:
            break
        assert exit_code == -signal.SIGKILL, killed_at
        accepted = _accepted(told)

        site = RemoteSite(url)
        assert site.store.catch_up(60), killed_at
        held = {candle.open_time: candle.close for candle in site.base.candles(SYMBOL, MINUTE)}
        meant = {candle.open_time: candle.close for candle in script()[: len(accepted)]}
        begun = {candle.open_time: candle.close for candle in script()[: len(accepted) + 1]}
        assert held in (meant, begun), killed_at  # the write under way may have been accepted or not

        # who wrote goes on with what wasn't accepted
        assert _run(url, -1, told, len(accepted)) == 0, killed_at
        assert _accepted(told) == list(range(len(script())))
        _assert_all_is_there_once(RemoteSite(url), killed_at)
    assert killed_at > FEWEST_STEPS
    _assert_all_is_there_once(RemoteSite(url), killed_at)


def _assert_all_is_there_once(site: RemoteSite, killed_at: int) -> None:
    held = {candle.open_time: candle.close for candle in site.base.candles(SYMBOL, MINUTE)}
    assert held == {candle.open_time: candle.close for candle in script()}, killed_at
    [version] = site.base.versions([CandleRange(SYMBOL, MINUTE, minutes(0), minutes(9))])
    assert version.inside == RangeVersion(6, 3), killed_at  # three corrections, each made once
    assert site.spool.state().rows == 0
