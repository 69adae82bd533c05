"""The file of InfluxDB's token is gone: what is held is sold all the same (I7), and the watcher goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trading_platform.adapters.dagster_graphql.orchestrator import DagsterGraphQLOrchestrator
from trading_platform.bootstrap import Platform
from trading_platform.domain.errors import FixSettings
from trading_platform.domain.strategies.base import Direction
from trading_platform.runtime.watcher import Watcher
from trading_platform.services.trade import trade, work_waiting
from trading_platform_tests.support.examples import ACCOUNT
from trading_platform_tests.support.plain_settings import plain_settings
from trading_platform_tests.support.simulated import SimulatedExchange
from trading_platform_tests.support.trading_floor import TradingFloor, floor_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def floor(database_url: str, venue: SimulatedExchange) -> TradingFloor:
    """Whose market data is in PostgreSQL."""
    return TradingFloor(floor_settings(database_url, venue, {"trailing": False}), venue)


@pytest.fixture
def blind(floor: TradingFloor, tmp_path: Path) -> Platform:
    """The same account's platform in a process that reaches no InfluxDB."""
    influx = {"url": "http://127.0.0.1:9", "org": "o", "token_file": tmp_path / "gone"}
    made = plain_settings(store={"kind": "influxdb"}, influxdb=influx)
    return Platform(floor.settings.model_copy(update={"store": made.store, "influxdb": made.influxdb}))


def test_what_is_held_is_sold(floor: TradingFloor, blind: Platform) -> None:
    floor.says(1)
    trade(floor.desk())
    assert len(floor.platform.ledger.open_positions(ACCOUNT)) == 1
    floor.says(2, Direction.SHORT)
    assert work_waiting(blind.ledger, blind.store, blind.clock, blind.settings)
    with pytest.raises(FixSettings, match="token_file"):  # told when the exits are made
        trade(blind.desk("run"))
    assert floor.platform.ledger.open_positions(ACCOUNT) == []


def test_the_watcher_tells(floor: TradingFloor, blind: Platform) -> None:
    watcher = Watcher(datetime.now(UTC) - timedelta(hours=1))
    watcher.watch_once(blind, DagsterGraphQLOrchestrator("http://127.0.0.1:9", 0.2))
    assert floor.platform.journal.open_incidents()
