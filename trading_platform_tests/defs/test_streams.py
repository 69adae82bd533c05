"""The streams in the UI: an asset that is reported when a state changes, and the prices' source at each tick."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from trading_platform.defs.market_data.streams import MARKET_STREAM, stream_sensor
from trading_platform.domain.circuit import Circuit, CircuitState
from trading_platform.domain.market import Ticker
from trading_platform.domain.request_limits import RequestGroup
from trading_platform.domain.stream import StreamState, StreamStatus
from trading_platform_tests.defs.fake_platform import FakePlatform, execute, fake_platform, materialized, tick
from trading_platform_tests.support.examples import SYMBOL

LIVE, STALE, FALLBACK = StreamState.LIVE, StreamState.STALE, StreamState.FALLBACK
PRICE = Decimal(12345)


def _report(platform: FakePlatform, state: StreamState, *, heartbeat_age_seconds: float = 0) -> None:
    wall = datetime.now(UTC) - timedelta(seconds=heartbeat_age_seconds)
    platform.streams.record([StreamStatus(SYMBOL, state, f"it is {state}", wall, wall, wall, reconnects=2)])


def _tick(platform: FakePlatform, instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    result = tick(stream_sensor, platform, instance, cursor)
    assert isinstance(result, dg.SensorResult)
    return result


def _rows(value: Any) -> list[dict[str, str]]:
    assert isinstance(value, dg.TableMetadataValue)
    return [{name: str(cell) for name, cell in record.data.items()} for record in value.records]


def test_only_changes_of_state_are_reported(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    unknown = _tick(platform, instance, None)
    _report(platform, LIVE)
    live = _tick(platform, instance, unknown.cursor)
    _report(platform, LIVE)
    still_live = _tick(platform, instance, live.cursor)
    _report(platform, STALE)
    stale = _tick(platform, instance, live.cursor)

    assert [len(each.asset_events) for each in (unknown, live, still_live, stale)] == [0, 1, 0, 1]


def test_a_report_shows_states_and_changes(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    _report(platform, LIVE)
    _report(platform, STALE)
    [report] = _tick(platform, instance, None).asset_events

    assert isinstance(report, dg.AssetMaterialization)
    assert report.asset_key == MARKET_STREAM
    [state] = _rows(report.metadata["streams"])
    assert state["symbol"] == SYMBOL
    assert state["state"].startswith("stale since")
    assert (state["why"], state["trades"], state["oddities"]) == ("it is stale", "none", "2 reconnects")
    assert [(row["from"], row["to"]) for row in _rows(report.metadata["changes"])] == [("live", "stale"), ("—", "live")]
    assert report.metadata["live"].value == 0


def test_a_dead_stream_process_is_a_change(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    _report(platform, LIVE, heartbeat_age_seconds=60)
    silent = _tick(platform, instance, None)
    _report(platform, LIVE)

    assert "silent" in (silent.cursor or "")
    assert len(_tick(platform, instance, silent.cursor).asset_events) == 1


def test_without_streams_nothing_is_reported(instance: dg.DagsterInstance) -> None:
    platform = fake_platform(venue={"market_data": "rest"})
    _report(platform, LIVE)

    result = _tick(platform, instance, None)
    again = _tick(platform, instance, result.cursor)
    assert (result.asset_events, again.asset_events) == ([], [])
    assert "aren't used" in str(result.skip_reason)


def test_a_live_stream_serves_the_tick(platform: FakePlatform, instance: dg.DagsterInstance) -> None:
    _report(platform, LIVE)
    now = platform.clock.read()
    platform.store.write_tickers([Ticker(SYMBOL, PRICE, PRICE, PRICE, now.now, now.wall, "stream")])

    metadata = materialized(execute("refresh", platform, instance))["tickers"]

    [price] = _rows(metadata["prices"])
    assert (price["last"], price["source"], price["stream"]) == ("12345", "stream", "live")
    assert metadata["asked_rest"].value == "no: the streams served every symbol"


def test_a_stale_stream_is_served_by_rest_and_the_switch_shows(
    platform: FakePlatform, instance: dg.DagsterInstance
) -> None:
    _report(platform, STALE)

    metadata = materialized(execute("refresh", platform, instance))["tickers"]

    [price] = _rows(metadata["prices"])
    assert (price["source"], price["stream"]) == ("rest", "fallback")
    assert metadata["asked_rest"].value == f"{SYMBOL}: it is stale"


def test_rest_alone_consults_no_stream(instance: dg.DagsterInstance) -> None:
    platform = fake_platform(venue={"market_data": "rest"})
    platform.streams.is_down = True  # type: ignore[attr-defined]

    result = execute("refresh", platform, instance)

    assert result.success
    [price] = _rows(materialized(result)["tickers"]["prices"])
    assert (price["source"], price["stream"]) == ("rest", "—")


def _note(platform: FakePlatform, state: CircuitState) -> None:
    wall = datetime.now(UTC)
    assert platform.circuits is not None
    platform.circuits.note(
        Circuit("the venue", RequestGroup.MARKET_DATA, "worker-market", state, "HTTP 503", wall, wall, wall)
    )


@pytest.mark.parametrize("market_data", ["auto", "rest"])
def test_endpoints_that_are_left_alone_are_reported_and_so_is_their_return(
    instance: dg.DagsterInstance, market_data: str
) -> None:
    platform = fake_platform(venue={"market_data": market_data})
    quiet = _tick(platform, instance, None)
    _note(platform, CircuitState.OPEN)
    alone = _tick(platform, instance, quiet.cursor)
    still = _tick(platform, instance, alone.cursor)
    _note(platform, CircuitState.CLOSED)
    back = _tick(platform, instance, alone.cursor)

    assert [len(each.asset_events) for each in (quiet, alone, still, back)] == [0, 1, 0, 1]
    [report] = alone.asset_events
    assert isinstance(report, dg.AssetMaterialization)
    [row] = _rows(report.metadata["endpoints"])
    assert (row["asked by"], row["why"]) == ("worker-market", "HTTP 503")
    assert row["circuit"].startswith("half-open")
    assert report.metadata["left_alone"].value == 1
