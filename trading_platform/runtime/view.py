"""The status, shown: as tables that live in a terminal, as a line for a log, as JSON for programs."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from trading_platform.domain.circuit import Circuit, left_alone
from trading_platform.domain.stream import StreamState
from trading_platform.runtime.status import PlatformStatus, ProcessStatus
from trading_platform.runtime.supervision import NOT_STARTED
from trading_platform.services.guard import ShownGuard
from trading_platform.services.summarise_platform import Summary

_STATE_STYLES = {"RUNNING": "green", "STARTING": "yellow", "BACKOFF": "yellow"}
_ID_CHARACTERS = 10
"""Of an order or a signal: enough for `explain` to know it by."""
_STREAM_STYLES = {StreamState.LIVE: "green", StreamState.CONNECTING: "yellow", StreamState.FALLBACK: "yellow"}


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
        return " · ".join([*parts, "starting" if _is_starting(status) else status.trouble])
    return " · ".join(
        [
            *parts,
            _data(seen),
            *_streams_not_live(seen),
            *(f"{circuit.process} leaves {_circuit_name(circuit)} alone" for circuit in left_alone(seen.circuits)),
            "1 position" if len(seen.positions) == 1 else f"{len(seen.positions)} positions",
            f"equity {_equity(seen)}",
            *(f"BUYS NOTHING {reason}" for reason in seen.stops_buying),
            *(f"INCIDENT {incident.summary}" for incident in seen.incidents),
        ]
    )


def as_tables(status: PlatformStatus) -> RenderableType:
    """The live view."""
    if not status.running:
        return Text(f"Nothing runs on {status.state_folder} (--state-dir names another)")
    head = Text.assemble("UI ", (status.ui_url or "", "bold cyan"), f"   state folder {status.state_folder}")
    parts: list[RenderableType] = [head, Text(), _processes(status.processes), Text()]
    if status.summary is None and _is_starting(status):
        return Group(*parts, Text("It is starting: data and money can be read once every process runs", style="yellow"))
    if status.summary is None:
        return Group(*parts, Text(f"The books can't be read yet: {status.trouble}", style="yellow"))
    return Group(*parts, *_books(status.summary))


def _books(seen: Summary) -> Iterator[RenderableType]:
    yield Text(f"market time {seen.time.now:%Y-%m-%d %H:%M:%S} UTC   equity {_equity(seen)}   {_balances(seen)}")
    for reason in seen.stops_buying:
        yield Text(f"buys nothing: {reason}", style="bold red")
    for incident in seen.incidents:
        yield Text(f"since {incident.opened_at:%H:%M:%S}: {incident.summary}", style="bold red")
    for circuit in left_alone(seen.circuits):
        state = str(circuit.state).replace("_", "-")
        yield Text(
            f"{circuit.process} leaves {_circuit_name(circuit)} alone since {circuit.since:%H:%M:%S} ({state}): "
            f"{circuit.reason}",
            style="yellow",
        )
    yield Text()
    if seen.market_trouble:
        yield Text(f"The market data can't be read now: {seen.market_trouble}", style="yellow")
    else:
        yield _prices(seen)
    yield Text()
    # newest first: the last word on a signal is the one that stays
    outcomes = {decision.signal_id: decision.reason.replace("_", " ") for decision in reversed(seen.decisions)}
    yield _table(
        ("signal", "strategy", "direction", "candle close", "outcome", "id", "why"),
        (
            (
                s.symbol,
                s.strategy,
                s.direction,
                f"{s.candle_close:%m-%d %H:%M}",
                outcomes.get(s.signal_id, ""),
                s.signal_id[:_ID_CHARACTERS],
                s.reason,
            )
            for s in seen.signals
        ),
    )
    yield Text()
    yield _table(
        ("order", "side", "kind", "price", "quantity", "filled", "status", "at (wall clock)", "id"),
        (
            (
                *(o.symbol, o.side, o.kind.replace("_", " "), _number(o.limit_price or o.stop_price)),
                *(_number(o.quantity), _number(o.filled_quantity), o.status.replace("_", " ")),
                *(f"{o.created_at:%m-%d %H:%M:%S}", o.client_order_id[:_ID_CHARACTERS]),
            )
            for o in seen.orders
        ),
    )
    yield Text()
    yield _table(
        ("position", "quantity", "average price", "realized", "since", "stop", "target", "at the venue"),
        (
            (
                *(p.symbol, _number(p.quantity), _number(p.average_price), _number(p.realized_pnl_quote)),
                f"{p.opened_at:%m-%d %H:%M}",
                *_guard(seen.guards.get(p.symbol, ShownGuard())),
            )
            for p in seen.positions
        ),
    )


def _guard(guard: ShownGuard) -> tuple[RenderableType, ...]:
    """Stop, target, and whether they rest at the venue."""
    style = {"rests": "green", "uncertain": "yellow"}.get(guard.state, "red")
    return _number(guard.stop), _number(guard.target), Text(guard.state, style=style)


def _processes(processes: Iterable[ProcessStatus]) -> Table:
    now = datetime.now(UTC)
    return _table(
        ("process", "state", "up for", "restarts", "pid"),
        (
            (
                process.name,
                _state(process),
                str(timedelta(seconds=int((now - process.started_at).total_seconds()))) if process.started_at else "",
                str(process.restarts),
                str(process.pid or ""),
            )
            for process in processes
        ),
    )


def _state(process: ProcessStatus) -> Text:
    state = Text(process.state.lower(), style=_STATE_STYLES.get(process.state, "red"))
    return state.append(f" ({process.detail})") if process.detail else state


def _prices(seen: Summary) -> Table:
    return _table(
        ("data", "last price", "newest candle", "late by", "", "prices by", "stream"),
        (
            (
                f"{series.symbol} {series.interval}",
                _number(seen.prices.get(series.symbol)),
                f"{series.newest_open_time:%m-%d %H:%M}" if series.newest_open_time else "none yet",
                f"{max(series.lateness_seconds, 0.0):.0f} s" if series.lateness_seconds is not None else "",
                Text("fresh", style="green") if series.is_fresh else Text("stale", style="red"),
                seen.price_sources.get(series.symbol, ""),
                _stream(seen, series.symbol),
            )
            for series in seen.freshness
        ),
    )


def _data(seen: Summary) -> str:
    if seen.market_trouble:
        return f"market data can't be read: {seen.market_trouble}"
    stale = sum(not series.is_fresh for series in seen.freshness)
    return f"{stale} of {len(seen.freshness)} series stale" if stale else "data fresh"


def _is_starting(status: PlatformStatus) -> bool:
    """Whether some process's turn hasn't come yet: `up` starts them one after another."""
    return any(process.detail == NOT_STARTED for process in status.processes)


def _stream(seen: Summary, symbol: str) -> Text:
    """State of the symbol's stream; what an old heartbeat says is no state."""
    if seen.streams is None:
        return Text("not used", style="dim")
    status = seen.streams.get(symbol)
    if status is None:
        return Text("not started", style="yellow")
    if not status.reports(seen.time.wall, seen.max_heartbeat_age_seconds):
        return Text(f"silent since {status.heartbeat_at:%H:%M:%S}", style="red")
    state = Text(status.state, style=_STREAM_STYLES.get(status.state, "red"))
    if status.state is StreamState.LIVE:
        return state
    # a fallback's reason says itself since when REST serves
    since = "" if status.state is StreamState.FALLBACK else f" since {status.since:%H:%M:%S}"
    return state.append(f"{since}: {status.reason}")


def _circuit_name(circuit: Circuit) -> str:
    return f"{circuit.group.replace('_', ' ')} of {circuit.venue}"


def _table(header: tuple[str, ...], rows: Iterable[tuple[RenderableType, ...]]) -> Table:
    table = Table(*header, box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    for row in rows:
        table.add_row(*row)
    return table


def _streams_not_live(seen: Summary) -> Iterator[str]:
    if seen.streams is not None:
        wall = seen.time.wall
        down = [s for s, status in seen.streams.items() if not status.is_live(wall, seen.max_heartbeat_age_seconds)]
        if down:
            yield f"no live stream of {', '.join(down)}"


def _equity(seen: Summary) -> str:
    return f"{seen.equity.equity_quote:.2f} {seen.account.quote}" if seen.equity else "unknown"


def _balances(seen: Summary) -> str:
    return "  ".join(
        f"{asset} {_number(balance.total)}" + (f" ({_number(balance.reserved)} reserved)" if balance.reserved else "")
        for asset, balance in sorted(seen.account.balances.items())
    )


def _number(value: Decimal | None) -> str:
    return "" if value is None else f"{value.quantize(Decimal('1e-8')).normalize():f}"


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
