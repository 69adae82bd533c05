"""The streams, as an asset that nobody materializes: a resident process keeps it, a sensor reports what changed."""

import json
from collections.abc import Mapping, Sequence

import dagster as dg

from trading_platform.bootstrap import Platform
from trading_platform.defs.resources import PlatformParam
from trading_platform.defs.tables import as_table, utc
from trading_platform.domain.circuit import Circuit, current, left_alone
from trading_platform.domain.stream import StreamStatus
from trading_platform.settings import current_settings

MARKET_STREAM = dg.AssetKey("market_stream")
SHOWN_CHANGES = 20
NBSP = "\N{NO-BREAK SPACE}"

market_stream = dg.AssetSpec(
    MARKET_STREAM,
    group_name="market_data",
    kinds={"postgres"},
    description="Prices and candles as the venue pushes them, kept by the process `stream`; reported when a symbol's "
    "stream changes its state, or a process begins or ends to leave endpoints of the venue, or InfluxDB, alone.",
)


@dg.sensor(
    minimum_interval_seconds=int(current_settings().cadence.refresh_seconds),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports on the asset `market_stream` whenever the state of a symbol's stream has changed, or that of "
    "a circuit breaker.",
)
def stream_sensor(context: dg.SensorEvaluationContext, platform: PlatformParam) -> dg.SensorResult:
    """One materialization per change, with the states and the newest changes."""
    settings = platform.settings
    known = platform.streams.statuses() if settings.uses_streams else {}
    statuses = {symbol: known[symbol] for symbol in settings.market.symbols if symbol in known}
    circuits = _circuits(platform)
    seen = json.dumps([_states(platform, statuses), _left_alone(circuits)])
    verdict = _verdict(platform, statuses, circuits)
    has_news = bool(statuses or _left_alone(circuits)) or context.cursor not in (None, seen)
    if seen == context.cursor or not has_news:
        return dg.SensorResult(skip_reason=verdict, cursor=seen)
    return dg.SensorResult(
        skip_reason=verdict, cursor=seen, asset_events=[_materialization(platform, statuses, circuits)]
    )


def _circuits(platform: Platform) -> list[Circuit]:
    noted = platform.circuits.circuits() if platform.circuits else []
    return current(noted, platform.clock.wall())


def _left_alone(circuits: Sequence[Circuit]) -> list[str]:
    return [f"{circuit.process} leaves {circuit.about} alone" for circuit in left_alone(circuits)]


def _states(platform: Platform, statuses: Mapping[str, StreamStatus]) -> dict[str, str]:
    wall, limit = platform.clock.wall(), platform.settings.streams.max_heartbeat_age_seconds
    return {
        symbol: status.state.value if status.reports(wall, limit) else "silent" for symbol, status in statuses.items()
    }


def _verdict(platform: Platform, statuses: Mapping[str, StreamStatus], circuits: Sequence[Circuit]) -> str:
    parts = [f"{symbol} {state}" for symbol, state in _states(platform, statuses).items()]
    if not parts:
        unused = "streams aren't used (--market-data rest, or stepping)"
        parts = ["no stream has reported" if platform.settings.uses_streams else unused]
    return ", ".join([*parts, *_left_alone(circuits)])


def _materialization(
    platform: Platform, statuses: Mapping[str, StreamStatus], circuits: Sequence[Circuit]
) -> dg.AssetMaterialization:
    # few and narrow columns: the catalog's page cuts a wide table off
    states = [
        {
            "symbol": status.symbol,
            "state": f"{status.state.value} since {status.since:%H:%M:%S}",
            "why": status.reason,
            "last data": f"{status.last_event_at:%H:%M:%S}" if status.last_event_at else "—",
            "trades": f"{status.trades} until {status.last_trade_at:%H:%M:%S}" if status.last_trade_at else "none",
            "oddities": _oddities(status),
        }
        for status in statuses.values()
    ]
    changes = [
        {
            "at (UTC)": utc(change.at).replace(" ", NBSP),
            "symbol": change.symbol,
            "from": change.before.value if change.before else "—",
            "to": change.after.value,
            "why": change.reason,
        }
        for change in platform.streams.changes(SHOWN_CHANGES)
    ]
    endpoints = [
        {
            "endpoints": circuit.about,
            "asked by": circuit.process,
            "circuit": f"{circuit.state.replace('_', '-')} since {circuit.since:%H:%M:%S}",
            "why": circuit.reason,
        }
        for circuit in circuits
    ]
    return dg.AssetMaterialization(
        MARKET_STREAM,
        metadata={
            "streams": as_table(states),
            "changes": as_table(changes),
            "endpoints": as_table(endpoints),
            "live": sum(status.state.value == "live" for status in statuses.values()),
            "left_alone": len(_left_alone(circuits)),
        },
    )


def _oddities(status: StreamStatus) -> str:
    counts = {
        "reconnects": status.reconnects,
        "sent twice": status.duplicates,
        "out of order": status.out_of_order,
        "malformed": status.malformed,
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "none"
