"""The status, shown: as text for a person, as a line for a log, as JSON for programs."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from rich.console import Console

from trading_platform.domain.circuit import left_alone
from trading_platform.runtime.status import PlatformStatus
from trading_platform.runtime.status_tables import as_tables, equity_text, is_starting
from trading_platform.services.summarise_platform import Summary


def to_json(status: PlatformStatus) -> str:
    """All of it, indented; times as ISO 8601, money as text."""
    values = asdict(status)
    if status.summary is not None:
        equity = status.summary.equity
        values["summary"]["equity_quote"] = equity.equity_quote if equity else None
        for signal, shown in zip(status.summary.signals, values["summary"]["signals"], strict=True):
            shown["signal_id"] = signal.signal_id
    return json.dumps(values, indent=2, default=_plain)


def as_text(status: PlatformStatus) -> str:
    """What the live view shows, once and without colours."""
    text = io.StringIO()
    Console(file=text, width=120, color_system=None).print(as_tables(status))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def as_line(status: PlatformStatus) -> str:
    """One line."""
    up = sum(process.state == "RUNNING" for process in status.processes)
    parts = [f"{datetime.now(UTC):%H:%M:%S} {up}/{len(status.processes)} processes run", f"UI {status.ui_url}"]
    seen = status.summary
    if seen is None:
        return " · ".join([*parts, "starting" if is_starting(status) else status.trouble])
    return " · ".join(
        [
            *parts,
            _data(seen),
            *_streams_not_live(seen),
            *dict.fromkeys(f"{circuit.about} is left alone" for circuit in left_alone(seen.circuits)),
            "1 position" if len(seen.positions) == 1 else f"{len(seen.positions)} positions",
            f"equity {equity_text(seen)}",
            *(f"BUYS NOTHING {reason}" for reason in seen.stops_buying),
            *_other_incidents(seen),
        ]
    )


def _other_incidents(seen: Summary) -> Iterator[str]:
    """Without the one about the halt, which has just been told."""
    for incident in seen.incidents:
        if not any(reason in incident.summary for reason in seen.stops_buying):
            yield f"INCIDENT {incident.summary}"


def _data(seen: Summary) -> str:
    if seen.market_trouble:
        return f"market data can't be read: {seen.market_trouble}"
    stale = sum(not series.is_fresh for series in seen.freshness)
    return f"{stale} of {len(seen.freshness)} series stale" if stale else "data fresh"


def _streams_not_live(seen: Summary) -> Iterator[str]:
    if seen.streams is not None:
        wall = seen.time.wall
        down = [s for s, status in seen.streams.items() if not status.is_live(wall, seen.max_heartbeat_age_seconds)]
        if down:
            yield f"no live stream of {', '.join(down)}"


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
