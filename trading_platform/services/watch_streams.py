"""Telling the owner when all streams are gone: REST serves meanwhile, but the way back has to be found (I6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from trading_platform.domain.stream import StreamState, StreamStatus
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.stream_journal import StreamJournal
from trading_platform.settings import StreamSettings

KEY = "streams"


def watch_streams(
    streams: StreamJournal,
    journal: HealthJournal,
    clock: Clock,
    symbols: Sequence[str],
    settings: StreamSettings,
    *,
    watched_since: datetime,
) -> bool:
    """Open an incident when no stream has lived for too long, and close it when one does again.

    Parameters
    ----------
    watched_since
        Silence before that is the time when the platform was stopped.

    Returns
    -------
    bool
        Whether any stream lives, or none is expected to.
    """
    wall = clock.wall()
    known = streams.statuses()
    statuses = [known[symbol] for symbol in symbols if symbol in known]
    silent_since = [_silent_since(status, wall, settings.max_heartbeat_age_seconds) for status in statuses]
    lasting = [since for since in silent_since if since is not None]
    if len(lasting) < len(statuses):
        journal.close_incident(KEY, "Streams work again", "prices are pushed again", wall)
        return True
    since = max([*lasting, watched_since])
    if (wall - since).total_seconds() <= settings.incident_seconds:
        return False
    why = statuses[0].reason if statuses else "the stream process has never reported"
    journal.open_incident(
        KEY, "No stream works", f"REST serves every symbol, since {since:%H:%M:%S} UTC no stream lives: {why}", wall
    )
    return False


def _silent_since(status: StreamStatus, wall: datetime, heartbeat_limit_seconds: float) -> datetime | None:
    """Since when the stream hasn't lived; None if it does, or was ended on purpose by a process that still reports."""
    if not status.reports(wall, heartbeat_limit_seconds):
        return status.heartbeat_at
    if status.state in (StreamState.LIVE, StreamState.CLOSED):
        return None
    return status.last_event_at or status.since
