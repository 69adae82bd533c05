"""The status as tables for a terminal, as much of it as there is room for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from trading_platform.domain.circuit import Circuit, left_alone
from trading_platform.domain.halt import is_flatten_signal
from trading_platform.domain.order import Order
from trading_platform.domain.position import Position
from trading_platform.domain.signal import Signal
from trading_platform.domain.stream import StreamState
from trading_platform.runtime.status import PlatformStatus, ProcessStatus
from trading_platform.runtime.supervision import NOT_STARTED
from trading_platform.services.guard import ShownGuard
from trading_platform.services.summarise_platform import Summary

WIDE_COLUMNS = 110
"""A terminal with fewer has no room for every column."""

_STATE_STYLES = {"RUNNING": "green", "STARTING": "yellow", "BACKOFF": "yellow"}
_ID_CHARACTERS = 10
"""Of an order or a signal: enough for `explain` to know it by."""
_STREAM_STYLES = {StreamState.LIVE: "green", StreamState.CONNECTING: "yellow", StreamState.FALLBACK: "yellow"}


@dataclass(frozen=True)
class Layout:
    """How much is told.

    Parameters
    ----------
    rows
        Of signals, and of orders; the newest ones. None: all that are known.
    every_process
        Whether a process that runs has a row.
    is_wide
        Whether every column is there.
    """

    rows: int | None = None
    every_process: bool = True
    is_wide: bool = True


class FittingTables:
    """The live view: what a terminal has no room for is left out, and money and trouble are left out last."""

    def __init__(self, status: PlatformStatus) -> None:
        self._status = status

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The fullest layout that fits."""
        is_wide = options.max_width >= WIDE_COLUMNS
        layouts = [Layout(is_wide=is_wide), *(Layout(rows, False, is_wide) for rows in (None, 4, 3, 2, 1, 0))]
        for layout in layouts:
            tables = as_tables(self._status, layout)
            if len(console.render_lines(tables, options, pad=False)) < console.height:
                break
        yield tables


def as_tables(status: PlatformStatus, layout: Layout | None = None) -> RenderableType:
    """Everything, or what the layout has room for."""
    layout = layout or Layout()
    if not status.running:
        return Text(f"Nothing runs on {status.state_folder} (--state-dir names another)")
    head = Text.assemble("UI ", (status.ui_url or "", "bold cyan"), f"   state folder {status.state_folder}")
    parts: list[RenderableType] = [head, Text(), _processes(status.processes, layout), Text()]
    if status.summary is None and is_starting(status):
        return Group(*parts, Text("It is starting: data and money can be read once every process runs", style="yellow"))
    if status.summary is None:
        return Group(*parts, Text(f"The books can't be read yet: {status.trouble}", style="yellow"))
    return Group(*parts, *_books(status.summary, layout))


def _books(seen: Summary, layout: Layout) -> Iterator[RenderableType]:
    yield Text(f"market time {seen.time.now:%Y-%m-%d %H:%M:%S} UTC   equity {equity_text(seen)}   {_balances(seen)}")
    for reason in seen.stops_buying:
        yield Text(f"buys nothing: {reason}", style="bold red")
    for incident in seen.incidents:
        yield Text(f"since {incident.opened_at:%H:%M:%S}: {incident.summary}", style="bold red")
    for (about, reason), circuits in _left_alone(seen).items():
        by = ", ".join(
            f"{each.process} since {each.since:%H:%M:%S} ({str(each.state).replace('_', '-')})" for each in circuits
        )
        yield Text(f"left alone: {about}, by {by}: {reason}", style="yellow")
    yield Text()
    if seen.market_trouble:
        yield Text(f"The market data can't be read now: {seen.market_trouble}", style="yellow")
    else:
        yield _prices(seen, layout)
    if layout.rows != 0:
        yield Text()
        yield _signals(seen, seen.signals[: layout.rows], layout)
        yield Text()
        yield _orders(seen.orders[: layout.rows], layout)
    yield Text()
    yield _positions(seen, layout) if seen.positions else Text("no position is open", style="dim")


def _left_alone(seen: Summary) -> dict[tuple[str, str], list[Circuit]]:
    """By what is left alone and why: when something is gone, each process says the same of it."""
    found = defaultdict(list)
    for circuit in left_alone(seen.circuits):
        found[circuit.about, circuit.reason].append(circuit)
    return found


def _signals(seen: Summary, signals: Sequence[Signal], layout: Layout) -> Table:
    # newest first: the last word on a signal is the one that stays
    outcomes = {decision.signal_id: decision.reason.replace("_", " ") for decision in reversed(seen.decisions)}

    def cells(s: Signal) -> tuple[RenderableType, ...]:
        close = f"{s.candle_close:%m-%d %H:%M}"
        who = "halt" if is_flatten_signal(s) else s.strategy
        known = s.symbol, who, s.direction, close, outcomes.get(s.signal_id, ""), s.signal_id[:_ID_CHARACTERS]
        return (*known, s.reason) if layout.is_wide else known

    header = "signal", "strategy", "direction", "candle close", "outcome", "id"
    return _table((*header, "why") if layout.is_wide else header, map(cells, signals), layout)


def _orders(orders: Sequence[Order], layout: Layout) -> Table:
    def cells(o: Order) -> tuple[RenderableType, ...]:
        begin = o.symbol, o.side, o.kind.replace("_", " "), _number(o.limit_price or o.stop_price), _number(o.quantity)
        status, order_id = o.status.replace("_", " "), o.client_order_id[:_ID_CHARACTERS]
        if not layout.is_wide:
            return (*begin, status, f"{o.created_at:%H:%M:%S}", order_id)
        return (*begin, _number(o.filled_quantity), status, f"{o.created_at:%m-%d %H:%M:%S}", order_id)

    begin = "order", "side", "kind", "price", "quantity"
    end = ("filled", "status", "at (wall clock)", "id") if layout.is_wide else ("status", "at", "id")
    return _table((*begin, *end), map(cells, orders), layout)


def _positions(seen: Summary, layout: Layout) -> Table:
    def cells(p: Position) -> tuple[RenderableType, ...]:
        stop, target, state = _guard(seen.guards.get(p.symbol, ShownGuard()))
        begin = p.symbol, _number(p.quantity), _number(p.average_price)
        if not layout.is_wide:
            return (*begin, stop, target, state)
        return (*begin, _number(p.realized_pnl_quote), f"{p.opened_at:%m-%d %H:%M}", stop, target, state)

    begin, end = ("position", "quantity", "average price"), ("stop", "target", "at the venue")
    header = (*begin, "realized", "since", *end) if layout.is_wide else (*begin, *end)
    return _table(header, map(cells, seen.positions), layout)


def _guard(guard: ShownGuard) -> tuple[RenderableType, ...]:
    """Stop, target, and whether they rest at the venue."""
    style = {"rests": "green", "uncertain": "yellow"}.get(guard.state, "red")
    return _number(guard.stop), _number(guard.target), Text(guard.state, style=style)


def _processes(processes: Sequence[ProcessStatus], layout: Layout) -> RenderableType:
    down = [process for process in processes if process.state != "RUNNING"]
    if not (layout.every_process or down):
        return Text(f"{len(processes)} processes run", style="green")
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
            for process in (processes if layout.every_process else down)
        ),
        layout,
    )


def _state(process: ProcessStatus) -> Text:
    state = Text(process.state.lower(), style=_STATE_STYLES.get(process.state, "red"))
    return state.append(f" ({process.detail})") if process.detail else state


def _prices(seen: Summary, layout: Layout) -> Table:
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
        layout,
    )


def is_starting(status: PlatformStatus) -> bool:
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


def _table(header: tuple[str, ...], rows: Iterable[tuple[RenderableType, ...]], layout: Layout) -> Table:
    table = Table(*header, box=None, pad_edge=False, header_style="bold", padding=(0, 3 if layout.is_wide else 1, 0, 0))
    for row in rows:
        table.add_row(*row)
    return table


def equity_text(seen: Summary) -> str:
    """With its currency."""
    return f"{seen.equity.equity_quote:.2f} {seen.account.quote}" if seen.equity else "unknown"


def _balances(seen: Summary) -> str:
    return "  ".join(
        f"{asset} {_number(balance.total)}" + (f" ({_number(balance.reserved)} reserved)" if balance.reserved else "")
        for asset, balance in sorted(seen.account.balances.items())
    )


def _number(value: Decimal | None) -> str:
    return "" if value is None else f"{value.quantize(Decimal('1e-8')).normalize():f}"
