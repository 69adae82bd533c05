"""The live view tells what the owner must know in whatever terminal it stands."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from rich.console import Console

from trading_platform.domain.freshness import Freshness
from trading_platform.domain.order import Order, OrderKind, OrderStatus, Side
from trading_platform.domain.position import Position
from trading_platform.domain.signal import Signal
from trading_platform.domain.strategies.base import Direction
from trading_platform.runtime.status import PlatformStatus, ProcessStatus
from trading_platform.runtime.status_tables import FittingTables
from trading_platform.services.guard import ShownGuard

NOW = datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC)
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
PROCESSES = tuple(f"process-{n}" for n in range(9))


@pytest.fixture
def busy(status: PlatformStatus) -> PlatformStatus:
    """Nine processes, three positions, six signals and orders."""
    assert status.summary is not None
    signals = [
        Signal("main", "mean_reversion", "1", SYMBOLS[n % 3], "1m", NOW - timedelta(minutes=n), Direction.LONG, "rose")
        for n in range(6)
    ]
    summary = replace(
        status.summary,
        freshness=[Freshness(symbol, "1m", NOW.replace(second=0), -30.0, 45.0) for symbol in SYMBOLS],
        streams=None,
        incidents=[],
        signals=signals,
        orders=[_order(n, signal) for n, signal in enumerate(signals)],
        positions=[
            Position("main", symbol, "mean_reversion", NOW, NOW, Decimal("0.00024975"), Decimal(1), Decimal("24.8"))
            for symbol in SYMBOLS
        ],
        guards={s: ShownGuard(Decimal("98321.18"), Decimal("101300.62"), "rests") for s in SYMBOLS},
    )
    running = tuple(ProcessStatus(name, "RUNNING", 12, NOW, 0, "") for name in PROCESSES)
    return replace(status, processes=running, summary=summary)


def _order(number: int, signal: Signal) -> Order:
    return Order(
        *(f"tp{number}6efa7a7bf4b3b43a576ec5c39ca6", "main", signal.signal_id, "stop", "mean_reversion"),
        *(signal.symbol, Side.SELL, Decimal("0.00024"), OrderStatus.OPEN, Decimal(0), "BTC", Decimal("0.00024")),
        *(NOW, NOW),
        kind=OrderKind.STOP_LOSS,
        stop_price=Decimal("98321.18"),
    )


def _shown(status: PlatformStatus, width: int, height: int) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width, height=height, color_system=None).print(FittingTables(status))
    return text.getvalue().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 60)])
def test_every_position_and_price_fits(busy: PlatformStatus, width: int, height: int) -> None:
    lines = _shown(busy, width, height)

    assert len(lines) < height
    for symbol in SYMBOLS:
        [position] = [line for line in lines if line.startswith(f"{symbol} ") and "0.00024975" in line]
        assert all(told in position for told in ("98321.18", "101300.62", "rests"))
        assert any(line.startswith(f"{symbol} 1m") for line in lines)


def test_the_newest_signal_and_order_are_there_with_what_explain_asks_for(busy: PlatformStatus) -> None:
    assert busy.summary is not None
    shown = "\n".join(_shown(busy, 80, 24))

    assert busy.summary.signals[0].signal_id[:10] in shown
    assert busy.summary.orders[0].client_order_id[:10] in shown


def test_with_room_nothing_is_left_out(busy: PlatformStatus) -> None:
    assert busy.summary is not None
    shown = "\n".join(_shown(busy, 200, 60))

    assert all(name in shown for name in PROCESSES)
    assert all(order.client_order_id[:10] in shown for order in busy.summary.orders)
    assert "why" in shown


def test_a_process_that_does_not_run_is_named_however_little_room_there_is(busy: PlatformStatus) -> None:
    fallen = ProcessStatus("stream", "BACKOFF", None, None, 4, "Exited too quickly")

    lines = _shown(replace(busy, processes=(*busy.processes[1:], fallen)), 80, 24)

    assert any(line.startswith("stream") and "Exited too quickly" in line for line in lines)
    assert not any(PROCESSES[1] in line for line in lines)
