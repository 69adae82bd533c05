"""Telling the owner that the settings file was broken while the platform runs: the settings before it stay in force."""

from __future__ import annotations

from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal

KEY = "settings"
WAITING = "settings:waiting"


def watch_settings(journal: HealthJournal, clock: Clock, trouble: str, waiting: str = "") -> None:
    """Open an incident while there is `trouble` with the file, and close it when it is mended.

    Parameters
    ----------
    waiting
        Settings of the file that don't count before the next start.
    """
    if waiting:
        told = f"{waiting}: what runs goes on as it was started; stop it and start it again, or put the file back"
        journal.open_incident(WAITING, "Some settings wait for the next start", told, clock.wall())
    else:
        journal.close_incident(WAITING, "No setting waits for the next start", "the file is in force", clock.wall())
    if trouble:
        journal.open_incident(
            KEY, "The settings file is broken", f"The last good settings still count. {trouble}", clock.wall()
        )
    else:
        journal.close_incident(KEY, "The settings file is well again", "It is in force.", clock.wall())
