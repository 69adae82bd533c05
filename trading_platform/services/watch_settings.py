"""Telling the owner that the settings file was broken while the platform runs: the settings before it stay in force."""

from __future__ import annotations

from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal

KEY = "settings"


def watch_settings(journal: HealthJournal, clock: Clock, trouble: str) -> None:
    """Open an incident while there is `trouble` with the file, and close it when it is mended."""
    if trouble:
        journal.open_incident(
            KEY, "The settings file is broken", f"The last good settings still count. {trouble}", clock.wall()
        )
    else:
        journal.close_incident(KEY, "The settings file is well again", "It is in force.", clock.wall())
