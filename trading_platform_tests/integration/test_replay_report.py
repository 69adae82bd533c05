"""The report of a stepped replay: its window, its figures, and that it sees what was left behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks.replay_markdown import as_markdown
from benchmarks.replay_report import figures, is_sound, wrong_books
from benchmarks.replay_trades import deepest_drawdown
from benchmarks.replay_window import WARMUP_CANDLES, Window, step_through, window_of
from trading_platform.bootstrap import Platform, SteppingPlatform
from trading_platform.domain.halt import OWNER, Halt
from trading_platform.domain.instrument import floor_to_step
from trading_platform.domain.order import OrderKind, OrderRequest, Side
from trading_platform.ports.ledger import EquityPoint
from trading_platform.simulator.config import ArchiveMarketConfig
from trading_platform_tests.support.archives import archive_rows, write_archive
from trading_platform_tests.support.examples import ACCOUNT
from trading_platform_tests.support.plain_settings import plain_settings
from trading_platform_tests.support.postgres import PostgresServer
from trading_platform_tests.support.simulated import SimulatedExchange, simulated_exchange

pytestmark = pytest.mark.integration

_BEGIN = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
_MINUTES = 12


@pytest.fixture
def window(tmp_path: Path) -> Window:
    """Twelve minutes of a synthetic recording that begins nine hours before and lacks two of them."""
    gap = 9 * 60 + 5
    folder = write_archive(tmp_path / "recording", 700, ("BTCUSDT",), without=range(gap, gap + 2))
    return window_of(folder, "2025-03-01T09:00", Decimal(_MINUTES) / 1440, ["BTC/USDT"])


@pytest.fixture
def venue(window: Window, tmp_path: Path) -> Iterator[SimulatedExchange]:
    """An exchange that steps through the window."""
    window.cut(tmp_path / "window")
    with simulated_exchange(
        market=ArchiveMarketConfig(tmp_path / "window", window.names),
        balances={"USDT": Decimal("84.54")},
        step=True,
        warmup_candles=WARMUP_CANDLES,
    ) as running:
        yield running


@pytest.fixture
def platform(postgres_server: PostgresServer, venue: SimulatedExchange, tmp_path: Path) -> Platform:
    """A platform that trades there."""
    platform = SteppingPlatform(
        plain_settings(
            replay={"folder": tmp_path / "window", "step": True},
            market={"symbols": ["BTC/USDT"]},
            servers={
                "database": postgres_server.emptied_database(),
                "simulator": venue.base_url,
                "simulator_api_key": venue.api_key,
                "simulator_api_secret": venue.api_secret,
            },
        )
    )
    platform.open_account()
    return platform


def test_a_window_is_cut_with_what_lies_before_it(window: Window, tmp_path: Path) -> None:
    missing = window.cut(tmp_path / "cut")

    rows = archive_rows(tmp_path / "cut" / "BTCUSDT-1m.csv.gz")
    assert missing == 2
    assert len(rows) == WARMUP_CANDLES + _MINUTES - missing
    first = datetime.fromtimestamp(int(rows[0]["open_time"]) / 1000, UTC)
    assert first == _BEGIN - timedelta(minutes=WARMUP_CANDLES)


def test_a_whole_window_is_reported(
    window: Window, platform: Platform, venue: SimulatedExchange, tmp_path: Path
) -> None:
    course = step_through(platform, lambda: wrong_books(platform, venue), limit_seconds=600, check_every=5)
    told = figures(platform, venue, window, course, tmp_path / "pictures", {"risk": {"cooldown_seconds": 0}})

    assert course.is_complete
    assert course.ended_at == window.end
    assert is_sound(told), told
    assert (tmp_path / "pictures" / told["equity_curve"]).read_bytes().startswith(b"\x89PNG")
    text = as_markdown("recording", {"minutes_without_candles": 2, **told})
    assert "differences of open orders, reservations and balances: none" in text
    assert "2 minutes of the window have no candles" in text
    assert '{"risk": {"cooldown_seconds": 0}}' in text
    assert f"| {_BEGIN:%Y-%m-%d} | " in text


def test_a_halted_account_is_resumed_with_the_next_day(platform: Platform) -> None:
    platform.ledger.halt(Halt(ACCOUNT, OWNER, "a test", _BEGIN, _BEGIN - timedelta(days=1), False))
    told: list[str] = []

    course = step_through(platform, list, limit_seconds=600, check_every=5, tell=told.append)

    assert course.resumed == [_BEGIN + timedelta(minutes=1)]
    assert platform.ledger.halt_in_force(ACCOUNT) is None
    assert len(told) == course.steps // 5


def test_a_halt_of_the_same_day_stands(platform: Platform) -> None:
    platform.ledger.halt(Halt(ACCOUNT, OWNER, "a test", _BEGIN, _BEGIN, False))

    course = step_through(platform, list, limit_seconds=600, check_every=5)

    assert course.resumed == []
    assert platform.ledger.halt_in_force(ACCOUNT) is not None


def test_an_order_that_the_ledger_does_not_know_is_told(platform: Platform, venue: SimulatedExchange) -> None:
    step_through(platform, list, limit_seconds=0, check_every=1)
    assert wrong_books(platform, venue) == []
    order_id = "tp" + "0" * 30
    instrument, ticker = platform.broker.instruments(["BTC/USDT"])["BTC/USDT"], platform.feed.tickers(["BTC/USDT"])[0]
    price = floor_to_step(ticker.bid * Decimal("0.98"), instrument.tick_size)
    quantity = instrument.floor_quantity(Decimal(20) / price)

    platform.broker.submit(OrderRequest(order_id, "BTC/USDT", Side.BUY, quantity, OrderKind.LIMIT, price))

    assert wrong_books(platform, venue) == [f"orders open only at the venue: {{'{order_id}'}}"]


def test_the_deepest_drawdown_counts_from_the_highest_point_before_it() -> None:
    worth = [100, 120, 90, 130, 104]
    points = [
        EquityPoint(ACCOUNT, _BEGIN + timedelta(minutes=i), Decimal(quote), Decimal(0), _BEGIN)
        for i, quote in enumerate(worth)
    ]

    deepest = deepest_drawdown(points)

    assert deepest is not None
    assert deepest.share == Decimal("0.25")
    assert (deepest.peak_at, deepest.lowest_at) == (points[1].venue_time, points[2].venue_time)
    assert deepest_drawdown([]) is None
