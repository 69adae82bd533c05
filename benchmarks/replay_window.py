"""A window of recorded candles as a folder of its own, and one account stepped through it."""

from __future__ import annotations

import csv
import gzip
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from trading_platform.bootstrap import Platform
from trading_platform.defs.trading.stepping import run_cycle
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.order import OrderKind
from trading_platform.services.halt_account import resume_account
from trading_platform_tests.support.archives import HEADER, archive_rows

WARMUP_CANDLES = 500
_MINUTE_MS = 60_000


@dataclass(frozen=True)
class Window:
    """Which minutes of which recording are stepped through."""

    folder: Path
    begin: datetime
    end: datetime
    symbols: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols as the venue spells them."""
        return tuple(symbol.replace("/", "") for symbol in self.symbols)

    def cut(self, into: Path) -> int:
        """Write the window's candles, with those before it that the strategies look back on; how many have no rows.

        Returns
        -------
        int
            Minutes of the window that the recording lacks: the venue's own outages.
        """
        into.mkdir(parents=True)
        first = _ms(self.begin) - WARMUP_CANDLES * _MINUTE_MS
        missing = 0
        for name in self.names:
            rows = archive_rows(self.folder / f"{name}-1m.csv.gz")
            kept = [row for row in rows if first <= int(row["open_time"]) < _ms(self.end)]
            with gzip.open(into / f"{name}-1m.csv.gz", "wt", newline="") as file:
                writer = csv.DictWriter(file, HEADER)
                writer.writeheader()
                writer.writerows(kept)
            inside = sum(int(row["open_time"]) >= _ms(self.begin) for row in kept)
            missing = max(missing, (_ms(self.end) - _ms(self.begin)) // _MINUTE_MS - inside)
        return missing


@dataclass
class Course:
    """What was seen while stepping.

    Parameters
    ----------
    unguarded
        Symbol and market time of each position that had no resting stop when its candle's cycle had ended.
    resumed
        When the account was resumed after a halt.
    failures
        What a cycle raised; it was then repeated, as the next run does.
    seconds
        Wall time of cycles and steps together.
    """

    steps: int = 0
    seconds: float = 0.0
    ended_at: datetime | None = None
    is_complete: bool = False
    unguarded: list[tuple[str, datetime]] = field(default_factory=list)
    resumed: list[datetime] = field(default_factory=list)
    failures: list[tuple[datetime, str]] = field(default_factory=list)
    wrong_books: list[tuple[datetime, Sequence[str]]] = field(default_factory=list)


def step_through(
    platform: Platform,
    books: Callable[[], Sequence[str]],
    *,
    limit_seconds: float,
    check_every: int,
    tell: Callable[[str], None] = lambda _: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Course:
    """Step until the recording or the time ends; the same cycle as the stepped replay's job.

    An account that was halted is resumed as its owner might: with the first candle of the next day (UTC).

    Parameters
    ----------
    books
        What is wrong with the books now, in words; asked every `check_every` steps and at the end.
    tell
        Given a line about the progress every `check_every` steps.
    """
    course, began = Course(), time.monotonic()
    position = platform.simulator.position()
    _cycle(platform, course, position.now)
    while not position.finished and time.monotonic() - began < limit_seconds and not is_stopped():
        position = platform.simulator.step(position.now)
        course.steps += 1
        _cycle(platform, course, position.now)
        _resume_next_day(platform, course, position.now)
        if course.steps % check_every == 0:
            if wrong := books():
                course.wrong_books.append((position.now, wrong))
            tell(_progress(platform, course, position.now, time.monotonic() - began))
    if wrong := books():
        course.wrong_books.append((position.now, wrong))
    course.seconds, course.ended_at, course.is_complete = time.monotonic() - began, position.now, position.finished
    return course


def _resume_next_day(platform: Platform, course: Course, now: datetime) -> None:
    account = platform.settings.account.name
    halt = platform.ledger.halt_in_force(account)
    if halt is not None and halt.venue_time.date() < now.date():
        resume_account(platform.ledger, platform.clock, account, "the next day has begun")
        course.resumed.append(now)


def _progress(platform: Platform, course: Course, now: datetime, seconds: float) -> str:
    marks = platform.ledger.equity_marks(platform.settings.account.name)
    worth = f"{marks.last_quote:.4f}" if marks else "unknown"
    wrong = len(course.wrong_books) + len(course.unguarded) + len(course.failures)
    return (
        f"{now:%Y-%m-%d %H:%M} {course.steps} steps, {course.steps / seconds:.1f}/s, equity {worth}, {wrong} oddities"
    )


def _cycle(platform: Platform, course: Course, now: datetime, most_repeats: int = 3) -> None:
    for _ in range(most_repeats):
        try:
            run_cycle(platform, "replay report")
            break
        except RetryLater as failure:
            course.failures.append((now, str(failure)))
    account = platform.settings.account.name
    resting = platform.ledger.unsettled_orders(account)
    guarded = {order.symbol for order in resting if order.kind is OrderKind.STOP_LOSS and order.is_on_guard}
    held = {position.symbol for position in platform.ledger.open_positions(account)}
    course.unguarded += [(symbol, now) for symbol in sorted(held - guarded)]


def window_of(folder: Path, begin: str, days: Decimal, symbols: Sequence[str]) -> Window:
    """The window that begins at an ISO time (UTC unless it says otherwise)."""
    moment = datetime.fromisoformat(begin)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return Window(folder, moment, moment + timedelta(minutes=int(days * 1440)), tuple(symbols))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
