"""Results of data checks, and incidents: what is wrong for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CheckName(StrEnum):
    """The checks that the trade gate relies on; sentences, as they show in the UI."""

    FRESH = "candles_are_fresh"
    NO_GAPS = "candles_have_no_gaps"
    SANE = "candles_are_sane"


@dataclass(frozen=True)
class CheckResult:
    """Outcome of one check of one series.

    Parameters
    ----------
    data_time
        The data's own time that was judged (open time of the newest candle), None without data.
    checked_at
        Wall clock.
    """

    name: CheckName
    symbol: str
    interval: str
    passed: bool
    reason: str
    data_time: datetime | None
    checked_at: datetime


@dataclass(frozen=True)
class Incident:
    """Something that is wrong since `opened_at`, until `closed_at`; at most one is open per key."""

    key: str
    summary: str
    opened_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True)
class Notification:
    """A message to the owner that waits in the outbox, or was delivered."""

    notification_id: int
    title: str
    body: str
    created_at: datetime
