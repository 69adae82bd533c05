"""Open and close incidents by what the checks say: one service for all rules but age, which has its own (I6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from trading_platform.domain.candle import Interval
from trading_platform.domain.check import EVERY, CheckName, CheckResult
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal

_PREFIX = "check:"
_TITLES = {
    CheckName.NO_GAPS: "candles are missing",
    CheckName.SANE: "impossible prices",
    CheckName.TRADED: "nothing is being traded",
    CheckName.CLOCK: "the venue's clock and ours disagree",
}
"""Rules whose errors are told: a series' age is watched on its own, and the other rules only warn."""


def watch_checks(
    journal: HealthJournal,
    clock: Clock,
    symbols: Sequence[str],
    intervals: Sequence[Interval],
    patience_seconds: float,
) -> None:
    """Open an incident for every error that has lasted for so long, and close those that are over.

    The results are those that the refresh runs have recorded; when these stop, the watch on age tells of it. An error
    that was there before a series had any candle is one of age, too.
    """
    wall, patience = clock.wall(), timedelta(seconds=patience_seconds)
    watched = {EVERY, *symbols}, {EVERY, *(interval.name for interval in intervals)}
    failing = {
        _key(each.result): each
        for each in journal.failing_checks()
        if each.result.keeps_entries_back
        and each.result.name in _TITLES
        and (each.result.data_time is not None or each.result.name is CheckName.CLOCK)
        and each.result.symbol in watched[0]
        and each.result.interval in watched[1]
    }
    for key, each in failing.items():
        if each.result.checked_at - each.since >= patience:
            journal.open_incident(key, _title(each.result), f"No entries: {each.result.reason}", wall)
    for incident in journal.open_incidents():
        if incident.key.startswith(_PREFIX) and incident.key not in failing:
            journal.close_incident(incident.key, f"Over: {incident.summary}", "The check passes again.", wall)


def _key(result: CheckResult) -> str:
    return f"{_PREFIX}{result.name}:{result.symbol}:{result.interval}"


def _title(result: CheckResult) -> str:
    series = "" if result.symbol == EVERY else f"{result.symbol} {result.interval}: "
    title = series + _TITLES[result.name]
    return title[0].upper() + title[1:]
