"""A platform as `status` finds it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from trading_platform.domain.check import Incident
from trading_platform.domain.freshness import Freshness
from trading_platform.domain.stream import StreamState, StreamStatus
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.ledger import AccountState, AssetBalance, EquityPoint
from trading_platform.runtime.status import PlatformStatus, ProcessStatus
from trading_platform.services.summarise_platform import Summary

NOW = datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def status() -> PlatformStatus:
    summary = Summary(
        time=VenueTime(NOW, NOW),
        freshness=[
            Freshness("BTC/USDT", "1m", NOW.replace(second=0), -30.0, 45.0),
            Freshness("ETH/USDT", "1m", None, None, 45.0),
        ],
        prices={"BTC/USDT": Decimal("84349.95000000")},
        signals=[],
        decisions=[],
        orders=[],
        positions=[],
        account=AccountState("main", "USDT", 3, {"USDT": AssetBalance(Decimal("84.54"), Decimal("50.3"))}, 1, NOW),
        equity=EquityPoint("main", NOW, Decimal("84.54"), Decimal("0"), NOW),
        incidents=[Incident("stale:ETH/USDT:1m", "ETH/USDT 1m is stale", NOW)],
        price_sources={"BTC/USDT": "stream", "ETH/USDT": "rest"},
        streams={
            "BTC/USDT": StreamStatus("BTC/USDT", StreamState.LIVE, "data arrives", NOW, NOW, NOW),
            "ETH/USDT": StreamStatus("ETH/USDT", StreamState.FALLBACK, "served by REST: mute", NOW, None, NOW),
        },
    )
    return PlatformStatus(
        running=True,
        state_folder="/var/lib/trading",
        ui_url="http://127.0.0.1:3000",
        simulator_url="http://127.0.0.1:8700",
        database_url="postgresql://trading:secret@127.0.0.1:5432/trading",
        dagster_database_url="postgresql://trading:secret@127.0.0.1:5432/dagster",
        processes=(
            ProcessStatus("postgres", "RUNNING", 12, NOW, 0, ""),
            ProcessStatus("daemon", "BACKOFF", None, None, 4, "Exited too quickly"),
        ),
        summary=summary,
        trouble="",
    )
