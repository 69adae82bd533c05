"""Stepping: every candle through the whole loop, with the signals that the pure functions give (I10)."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from trading_platform.domain.candle import Candle
from trading_platform.domain.indicators import compute_indicators
from trading_platform.domain.strategies.base import Strategy
from trading_platform.domain.strategies.registry import build_strategy
from trading_platform_tests.support.archives import recorded_or_synthetic
from trading_platform_tests.support.examples import MINUTE
from trading_platform_tests.support.plain_settings import plain_settings
from trading_platform_tests.support.platform import RunningPlatform, running_platform
from trading_platform_tests.support.records import CANDLES, SYMBOLS, Records, archive_candles, as_candles

pytestmark = pytest.mark.end_to_end

STEPS = 200
PATIENCE_SECONDS = 240
SETTINGS = plain_settings()
WINDOW = SETTINGS.market.window_candles
_PRICES = ["open", "high", "low", "close", "volume"]
_THROUGH = "SELECT min(evaluated_through), max(evaluated_through) FROM strategy_progress"
_SIGNALS = (
    "SELECT strategy, strategy_version, symbol, candle_close, direction, reason, evidence FROM signals ORDER BY 1, 3, 4"
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The candles that are stepped through."""
    return recorded_or_synthetic("2025-03", tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="module")
def platform(archive: Path) -> Iterator[RunningPlatform]:
    """A platform that steps, in short batches so that there are several."""
    with (
        tempfile.TemporaryDirectory(prefix="trading-platform-") as folder,
        running_platform(Path(folder), "--replay", str(archive), "--step", REPLAY__STEP_BATCH_SECONDS="4") as running,
    ):
        yield running


@pytest.fixture(scope="module")
def records(platform: RunningPlatform) -> Records:
    """Its records, once it has made its steps."""
    made = Records(platform)
    start = platform.wait_for(lambda: _evaluated_through(made), PATIENCE_SECONDS, "the first candle judged")
    platform.wait_for(
        lambda: (_evaluated_through(made) or start) >= start + STEPS * MINUTE.length,
        PATIENCE_SECONDS,
        f"{STEPS} candles stepped",
    )
    return made


def _evaluated_through(records: Records) -> datetime | None:
    [[(through, _)]] = records.ledger(_THROUGH)
    return through if isinstance(through, datetime) else None


def _window(candles: Sequence[Candle]) -> pd.DataFrame:
    times = pd.DatetimeIndex([candle.open_time for candle in candles], name="open_time").as_unit("ns")
    values = [[float(getattr(candle, name)) for name in _PRICES] for candle in candles]
    return pd.DataFrame(values, index=times, columns=_PRICES)


def _signals_of(strategy: Strategy, symbol: str, candles: Sequence[Candle]) -> Iterator[tuple[Any, ...]]:
    """What the strategy says of each candle that ends a whole window."""
    for end in range(WINDOW, len(candles) + 1):
        verdict = strategy.evaluate(compute_indicators(_window(candles[end - WINDOW : end]), strategy.indicators))
        if verdict.direction is not None:
            close = MINUTE.close_of(candles[end - 1].open_time)
            evidence = json.loads(json.dumps(verdict.evidence))
            yield strategy.name, strategy.version, symbol, close, str(verdict.direction), verdict.reason, evidence


def test_the_store_holds_the_archives_rows(records: Records, archive: Path) -> None:
    [(_, through)], *stored = records.ledger(_THROUGH, *map(CANDLES.format, SYMBOLS))

    for symbol, rows in zip(SYMBOLS, stored, strict=True):
        candles, recorded = as_candles(rows), archive_candles(archive, symbol)
        assert candles == recorded[: len(candles)]  # the replay begins with all of the past that it shows
        assert len(candles) > WINDOW + STEPS
        assert candles[-1].open_time >= through


def test_signals_are_those_of_the_pure_functions(records: Records, archive: Path) -> None:
    [(through, _)], signals = records.ledger(_THROUGH, _SIGNALS)
    recorded = {symbol: archive_candles(archive, symbol) for symbol in SYMBOLS}
    seen = {s: [candle for candle in recorded[s] if candle.open_time <= through] for s in SYMBOLS}

    expected = sorted(
        (
            signal
            for chosen in SETTINGS.strategies
            for symbol in SYMBOLS
            for signal in _signals_of(build_strategy(chosen.name, chosen.params), symbol, seen[symbol])
        ),
        key=lambda signal: (signal[0], signal[2], signal[3]),
    )

    assert expected != []
    assert [row for row in signals if row[3] <= MINUTE.close_of(through)] == expected


def test_money_moved_and_every_signal_was_decided(records: Records) -> None:
    orders, undecided, reserved = records.ledger(
        "SELECT DISTINCT status FROM orders",
        "SELECT count(*) FROM signals WHERE decided_at IS NULL"
        " AND candle_close < (SELECT max(candle_close) FROM signals)",
        "SELECT count(*) FROM reservations JOIN orders USING (client_order_id)"
        " WHERE state = 'active' AND kind NOT IN ('stop_loss', 'take_profit')",
    )

    assert ("filled",) in orders
    assert undecided == [(0,)]
    assert reserved[0][0] <= 1  # the one of a cycle in progress


def test_every_batch_of_steps_succeeded(records: Records) -> None:
    statuses = records.dagster("SELECT DISTINCT status FROM runs WHERE pipeline_name = 'step'")

    assert {status for (status,) in statuses} <= {"SUCCESS", "STARTED", "STARTING", "QUEUED", "NOT_STARTED"}
    assert ("SUCCESS",) in statuses


def test_steps_per_second_are_told(records: Records, record_property: Any, capsys: pytest.CaptureFixture[str]) -> None:
    [(steps, seconds)] = records.dagster(
        "SELECT count(*), sum(end_time - start_time) FROM runs WHERE pipeline_name = 'step' AND status = 'SUCCESS'"
    )
    [[(minutes,)]] = records.ledger("SELECT count(DISTINCT open_time) - 500 FROM candles")
    with capsys.disabled():
        print(f"\nstepping: about {minutes} candles in {steps} batches of {float(seconds):.1f} s together")  # noqa: T201
    record_property("stepped_candles", minutes)
    assert minutes >= STEPS
