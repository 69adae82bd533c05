"""The status, shown: as a table that lives in a terminal, as a line for a log, as JSON for programs."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from trading_platform.runtime.status import PlatformStatus, ProcessStatus

_STATE_STYLES = {"RUNNING": "green", "STARTING": "yellow", "BACKOFF": "yellow"}


def to_json(status: PlatformStatus) -> str:
    """All of it, indented; times as ISO 8601, money as text."""
    return json.dumps(asdict(status), indent=2, default=str)


def as_text(status: PlatformStatus) -> str:
    """What the live view shows, once and without colours."""
    text = io.StringIO()
    Console(file=text, width=110, color_system=None).print(as_table(status))
    return text.getvalue().rstrip()


def as_line(status: PlatformStatus) -> str:
    """One line."""
    up = sum(process.state == "RUNNING" for process in status.processes)
    return f"{datetime.now(UTC):%H:%M:%S} {up}/{len(status.processes)} processes run · UI {status.ui_url}"


def as_table(status: PlatformStatus) -> RenderableType:
    """The live view."""
    if not status.running:
        return Text(f"Nothing runs on {status.state_folder}")
    return Group(
        Text.assemble("UI ", (status.ui_url or "", "bold cyan"), f"   state folder {status.state_folder}"),
        _processes(status.processes),
    )


def _processes(processes: tuple[ProcessStatus, ...]) -> Table:
    table = Table("process", "state", "up for", "restarts", "pid", box=None, pad_edge=False)
    now = datetime.now(UTC)
    for process in processes:
        uptime = str(timedelta(seconds=int((now - process.started_at).total_seconds()))) if process.started_at else ""
        state = Text(process.state.lower(), style=_STATE_STYLES.get(process.state, "red"))
        if process.detail:
            state.append(f" ({process.detail})")
        table.add_row(process.name, state, uptime, str(process.restarts), str(process.pid or ""))
    return table
