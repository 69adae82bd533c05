"""Results of data checks, and incidents: what is wrong for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    """What a failed check means for trading; exits pass in either case (I7).

    Attributes
    ----------
    ERROR
        Nobody should enter on such data: the trade gate is shut for entries.
    WARNING
        Worth knowing: it is recorded with the decision, and nothing is kept back.
    """

    ERROR = "error"
    WARNING = "warning"


class CheckName(StrEnum):
    """The rules that market data is judged by; sentences, as they show in the UI."""

    FRESH = "candles_are_fresh"
    NO_GAPS = "candles_have_no_gaps"
    SANE = "candles_are_sane"
    TRADED = "candles_have_volume"
    STEADY = "prices_do_not_jump"
    ONCE = "stream_sends_nothing_twice"
    IN_ORDER = "stream_is_in_order"
    WELL_FORMED = "stream_is_well_formed"
    AGREED = "stream_agrees_with_rest"
    CLOCK = "clocks_agree"


EVERY = "all"
"""Stands for the symbol or interval of a result that is about more than one."""


@dataclass(frozen=True)
class Verdict:
    """What a rule says, in plain words; `severity` counts only if it failed."""

    passed: bool
    reason: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True)
class CheckResult:
    """Outcome of one check of one series.

    Parameters
    ----------
    symbol, interval
        `EVERY` where the check is about all of them: a stream has no interval, a clock no symbol.
    data_time
        The data's own time that was judged (open time of the newest candle), None without data.
    checked_at
        Wall clock.
    severity
        What it means if it failed.
    """

    name: CheckName
    symbol: str
    interval: str
    passed: bool
    reason: str
    data_time: datetime | None
    checked_at: datetime
    severity: Severity = Severity.ERROR

    @property
    def keeps_entries_back(self) -> bool:
        """Whether the trade gate is shut for entries."""
        return not self.passed and self.severity is Severity.ERROR


@dataclass(frozen=True)
class FailingCheck:
    """A check whose newest result failed, and since when it has come out like that."""

    result: CheckResult
    since: datetime


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
