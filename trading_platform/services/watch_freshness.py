"""Open and close incidents by the age of the data, whoever calls and however often (I6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trading_platform.domain.candle import Interval
from trading_platform.domain.freshness import Freshness
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.series_store import SeriesStore
from trading_platform.services.check_market_data import assess_freshness

_PREFIX = "stale:"
_TAKEN_OUT = "The settings don't name it any more."


@dataclass(frozen=True)
class FreshnessWatch:
    """What the watch saw and changed."""

    series: tuple[Freshness, ...]
    opened: tuple[str, ...]
    closed: tuple[str, ...]


def watch_freshness(
    store: SeriesStore,
    journal: HealthJournal,
    clock: Clock,
    symbols: Sequence[str],
    intervals: Sequence[Interval],
    limit_seconds: float,
    *,
    starting: bool = False,
) -> FreshnessWatch:
    """Judge every series; a change for the worse opens an incident, one for the better closes it.

    Parameters
    ----------
    starting
        The platform has only just started: old data is what it was stopped with, not yet an incident.

    Notes
    -----
    The journal puts the message to the owner into its outbox together with the incident, so a crash can't lose it
    and two watchers don't send it twice.
    """
    series = assess_freshness(store, clock, symbols, intervals, limit_seconds)
    wall = clock.wall()
    opened, closed = [], []
    for freshness in series:
        key = _key(freshness)
        name = f"{freshness.symbol} {freshness.interval}"
        if freshness.is_fresh:
            if journal.close_incident(key, f"{name} is fresh again", freshness.reason, wall):
                closed.append(key)
        elif not starting and journal.open_incident(key, f"{name} is stale", freshness.reason, wall):
            opened.append(key)
    watched = {_key(freshness) for freshness in series}
    for incident in journal.open_incidents():
        if incident.key.startswith(_PREFIX) and incident.key not in watched:
            name = incident.key.removeprefix(_PREFIX).replace(":", " ")
            if journal.close_incident(incident.key, f"{name} is watched no more", _TAKEN_OUT, wall):
                closed.append(incident.key)
    return FreshnessWatch(tuple(series), tuple(opened), tuple(closed))


def _key(freshness: Freshness) -> str:
    return f"{_PREFIX}{freshness.symbol}:{freshness.interval}"
