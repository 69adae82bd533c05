"""Open and close incidents by what the checks say: one service for all rules but age, which has its own (I6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from trading_platform.domain.candle import Interval
from trading_platform.domain.check import EVERY, CheckName, CheckResult
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal

_PREFIX = "check:"
_WORDS = {
    CheckName.NO_GAPS: ("candles are missing", "no candle is missing any more"),
    CheckName.SANE: ("impossible prices", "prices are possible again"),
    CheckName.TRADED: ("nothing is being traded", "trading goes on"),
    CheckName.CLOCK: ("the clocks disagree, or can't be compared", "the clocks agree again"),
}
"""Rules whose errors are told, and their ends: a series' age is watched on its own, the other rules only warn."""


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
        and each.result.name in _WORDS
        and (each.result.data_time is not None or each.result.name is CheckName.CLOCK)
        and each.result.symbol in watched[0]
        and each.result.interval in watched[1]
    }
    for key, each in failing.items():
        if each.result.checked_at - each.since >= patience:
            began, _ = _titles(key)
            journal.open_incident(key, began, f"No entries until it is mended. {each.result.reason}", wall)
    for incident in journal.open_incidents():
        if incident.key.startswith(_PREFIX) and incident.key not in failing:
            _, ended = _titles(incident.key)
            journal.close_incident(incident.key, ended, f"It began at {incident.opened_at:%H:%M:%S} UTC.", wall)


def _key(result: CheckResult) -> str:
    return f"{_PREFIX}{result.name}:{result.symbol}:{result.interval}"


def _titles(key: str) -> tuple[str, str]:
    """How the beginning and the end of an incident read."""
    name, symbol, interval = key.removeprefix(_PREFIX).split(":")
    began, ended = _WORDS[CheckName(name)]
    if symbol == EVERY:
        return began[0].upper() + began[1:], ended[0].upper() + ended[1:]
    return f"{symbol} {interval}: {began}", f"{symbol} {interval}: {ended}"
