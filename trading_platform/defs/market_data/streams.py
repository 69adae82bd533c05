"""The streams, as an asset that nobody materializes: a resident process keeps it, a sensor reports what changed."""

import json
from collections.abc import Mapping

import dagster as dg

from trading_platform.bootstrap import Platform
from trading_platform.defs.resources import PlatformParam
from trading_platform.defs.tables import as_table, utc
from trading_platform.domain.stream import StreamStatus
from trading_platform.settings import current_settings

MARKET_STREAM = dg.AssetKey("market_stream")
SHOWN_CHANGES = 20

market_stream = dg.AssetSpec(
    MARKET_STREAM,
    group_name="market_data",
    kinds={"postgres"},
    description="Prices and candles as the venue pushes them, kept by the process `stream`; reported when a symbol's "
    "stream changes its state.",
)


@dg.sensor(
    minimum_interval_seconds=int(current_settings().cadence.refresh_seconds),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports on the asset `market_stream` whenever the state of a symbol's stream has changed.",
)
def stream_sensor(context: dg.SensorEvaluationContext, platform: PlatformParam) -> dg.SensorResult:
    """One materialization per change, with the states and the newest changes."""
    settings = platform.settings
    if not settings.uses_streams:
        return dg.SensorResult(skip_reason="streams aren't used (--market-data rest, or stepping)")
    known = platform.streams.statuses()
    statuses = {symbol: known[symbol] for symbol in settings.market.symbols if symbol in known}
    seen = _fingerprint(platform, statuses)
    verdict = ", ".join(f"{symbol} {state}" for symbol, state in json.loads(seen).items()) or "no stream has reported"
    if not statuses or seen == context.cursor:
        return dg.SensorResult(skip_reason=verdict, cursor=seen)
    return dg.SensorResult(skip_reason=verdict, cursor=seen, asset_events=[_materialization(platform, statuses)])


def _fingerprint(platform: Platform, statuses: Mapping[str, StreamStatus]) -> str:
    wall, limit = platform.clock.wall(), platform.settings.streams.max_heartbeat_age_seconds
    return json.dumps(
        {symbol: status.state if status.reports(wall, limit) else "silent" for symbol, status in statuses.items()}
    )


def _materialization(platform: Platform, statuses: Mapping[str, StreamStatus]) -> dg.AssetMaterialization:
    states = [
        {
            "symbol": status.symbol,
            "state": status.state.value,
            "since (UTC)": utc(status.since),
            "why": status.reason,
            "last data (UTC)": utc(status.last_event_at),
            "heartbeat (UTC)": utc(status.heartbeat_at),
            "reconnects": status.reconnects,
            "duplicates": status.duplicates,
            "out of order": status.out_of_order,
            "malformed": status.malformed,
        }
        for status in statuses.values()
    ]
    changes = [
        {
            "at (UTC)": utc(change.at),
            "symbol": change.symbol,
            "from": change.before.value if change.before else "—",
            "to": change.after.value,
            "why": change.reason,
        }
        for change in platform.streams.changes(SHOWN_CHANGES)
    ]
    live = sum(status.state.value == "live" for status in statuses.values())
    return dg.AssetMaterialization(
        MARKET_STREAM, metadata={"streams": as_table(states), "changes": as_table(changes), "live": live}
    )
