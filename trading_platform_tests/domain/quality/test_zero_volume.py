"""A venue that goes on publishing candles in which nothing is traded isn't trading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.candle import Candle
from trading_platform.domain.check import Severity
from trading_platform.domain.quality import judge_volume
from trading_platform_tests.domain.quality.series import priced, recorded, synthetic, without_volume

MOST = 5
WINDOW = 500


def empty_where(flags: Sequence[bool]) -> list[Candle]:
    candles = priced([100.0] * len(flags))
    return [replace(c, volume=Decimal(0)) if empty else c for c, empty in zip(candles, flags, strict=True)]


def ends_of_alarm(candles: Sequence[Candle], window: int = WINDOW) -> list[datetime]:
    """Open times at which the window that ends there fails."""
    ends = range(window, len(candles) + 1)
    return [
        candles[end - 1].open_time
        for end in ends
        if candles[end - 1].volume == 0 and not judge_volume(candles[end - window : end], MOST).passed
    ]


@given(run=st.integers(0, 60))
def test_a_symbol_that_always_trades_may_pause_for_so_long(run: int) -> None:
    verdict = judge_volume(empty_where([False] * 440 + [True] * run), MOST)

    assert verdict.passed is (run <= MOST)
    assert verdict.severity is Severity.ERROR
    assert str(run) in verdict.reason or run == 0


@given(flags=st.lists(st.booleans(), min_size=1, max_size=80))
def test_only_the_run_at_the_end_counts(flags: list[bool]) -> None:
    assert judge_volume(empty_where([*flags, False]), MOST).passed


def test_a_thin_symbol_is_judged_by_its_own_custom() -> None:
    thin = [number % 4 > 0 for number in range(400)]  # three of four candles are empty

    assert judge_volume(empty_where([*thin, *[True] * 12]), MOST).passed
    assert not judge_volume(empty_where([*thin, *[True] * 60]), MOST).passed


def test_a_window_without_any_volume_is_no_custom() -> None:
    assert not judge_volume(empty_where([True] * WINDOW), MOST).passed


def test_no_candle_is_no_volume() -> None:
    assert not judge_volume([], MOST).passed


def test_the_recorded_minutes_before_an_outage_are_told_and_nothing_else() -> None:
    candles = recorded("2023-03", "BTCUSDT-1m")[:20_000]
    alarms = ends_of_alarm(candles)

    assert len(alarms) == 72 - MOST
    assert {moment.date() for moment in alarms} == {datetime(2023, 3, 24, tzinfo=UTC).date()}


def test_the_recorded_five_minutes_before_an_outage_are_told_and_nothing_else() -> None:
    alarms = ends_of_alarm(recorded("2021-01", "SOLUSDT-5m")[:15_000])

    assert len(alarms) == 17 - MOST
    assert {moment.date() for moment in alarms} == {datetime(2021, 2, 11, tzinfo=UTC).date()}


def test_synthetic_minutes_before_an_outage_are_told_and_nothing_else(tmp_path: Path) -> None:
    candles = synthetic(tmp_path, 1200)
    standing = [*candles[:800], *without_volume(candles[800:872]), *candles[872:]]

    assert ends_of_alarm(standing) == [candle.open_time for candle in candles[800 + MOST : 872]]


@pytest.mark.parametrize(("period", "name"), [("2021-04", "SOLUSDT-1m"), ("2026-03", "BNBUSDT-1m")])
def test_recorded_trading_is_never_taken_for_standing_still(period: str, name: str) -> None:
    assert ends_of_alarm(recorded(period, name)) == []
