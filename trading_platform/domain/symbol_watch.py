"""The watchdog of one symbol's stream: when silence counts as such, and when the stream lives again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trading_platform.domain.candle import Interval
from trading_platform.domain.stream import StreamChange, StreamState
from trading_platform.domain.venue_time import VenueTime


@dataclass(frozen=True)
class Instant:
    """One moment on two clocks: `wall` is written down, `seconds` (monotonic) measures ages."""

    wall: datetime
    seconds: float


@dataclass(frozen=True)
class WatchLimits:
    """When a stream counts as stale, in wall seconds.

    Parameters
    ----------
    silence_seconds
        Without a price.
    candle_grace_seconds
        Without the candle, counted from the moment it was due to close.
    """

    silence_seconds: float
    candle_grace_seconds: float


class SymbolWatch:
    """States of one symbol's stream; every method returns the change it made, None if it made none.

    Only data counts as a sign of life. Prices prove that prices flow and candles that candles do: a stream whose
    prices arrive while its candles don't is stale, and the other way round.

    Parameters
    ----------
    intervals
        Those whose candles the stream carries; empty if it carries none.
    """

    def __init__(self, symbol: str, intervals: Sequence[Interval], limits: WatchLimits, opened: Instant) -> None:
        self.symbol = symbol
        self.state = StreamState.CONNECTING
        self.reason = "the stream was started"
        self.since = opened.wall
        self.last_event_at: datetime | None = None
        self._intervals = tuple(intervals)
        self._limits = limits
        self._price_at: float | None = None
        self._counted_from = opened.seconds
        self._next_to_close: dict[Interval, datetime] = {}
        self._late: dict[Interval, str] = {}
        self._treatment = ""

    @property
    def is_stale(self) -> bool:
        """Whether it needs recovery."""
        return self.state is StreamState.STALE

    def silent_seconds(self, at: Instant) -> float:
        """Since the last price, or since it was opened or last excused."""
        return at.seconds - max(self._counted_from, self._price_at or self._counted_from)

    def price_arrived(self, at: Instant) -> StreamChange | None:
        """A price of the symbol came."""
        silent = self.silent_seconds(at)
        self._price_at, self.last_event_at = at.seconds, at.wall
        return self._revive(at, silent)

    def candle_arrived(
        self, interval: Interval, open_time: datetime, at: Instant, *, is_closed: bool
    ) -> StreamChange | None:
        """A candle of the symbol came, in progress or closed."""
        self.last_event_at = at.wall
        awaited = interval.close_of(open_time) if is_closed else open_time
        self._next_to_close[interval] = max(awaited, self._next_to_close.get(interval, awaited))
        self._late.pop(interval, None)
        silent = self.silent_seconds(at)
        if self._price_at is None or silent > self._limits.silence_seconds:
            return None
        return self._revive(at, silent)

    def data_arrived(self, at: Instant) -> None:
        """Something else of the symbol came: it tells that the stream isn't mute, but proves no price."""
        self.last_event_at = at.wall

    def disconnected(self, at: Instant, why: str) -> StreamChange | None:
        """Its connection is gone. A stream that was stale before stays so."""
        if self.state is not StreamState.LIVE:
            if self.state is StreamState.CONNECTING:
                self.reason = why
            return None
        self._count_anew(at)
        return self._become(StreamState.CONNECTING, why, at)

    def treated(self, how: str) -> None:
        """A step of recovery was taken: `how` completes "data again after …"."""
        self._treatment = how
        self._next_to_close.clear()

    def interrupted(self, at: Instant, why: str) -> StreamChange | None:
        """Nothing could arrive for a while through no fault of the stream's (the computer slept): count anew."""
        self._count_anew(at)
        self._late.clear()
        return None if self.state is StreamState.CLOSED else self._become(StreamState.CONNECTING, why, at)

    def look(self, at: Instant, venue: VenueTime | None) -> StreamChange | None:
        """Time has passed.

        Parameters
        ----------
        venue
            The venue's clock; None while it isn't known, then no candle is called late. A market that stands still
            (a replay at its end) has nothing to say, and its silence is no failure.
        """
        if self.state is StreamState.CLOSED:
            return None
        if venue is not None and venue.speed == 0:
            self._counted_from = at.seconds
            return None
        if venue is not None and self.state is StreamState.LIVE:
            self._judge_candles(venue)
        silent = self.silent_seconds(at)
        if self.state is StreamState.STALE:
            return None
        if silent > self._limits.silence_seconds:
            return self._become(StreamState.STALE, self._silence(at, silent), at)
        if self._late:
            return self._become(StreamState.STALE, next(iter(self._late.values())), at)
        return None

    def closed(self, at: Instant, why: str) -> StreamChange | None:
        """It was ended on purpose."""
        return self._become(StreamState.CLOSED, why, at)

    def _count_anew(self, at: Instant) -> None:
        self._counted_from = at.seconds
        self._next_to_close.clear()  # what closes while nothing is heard is REST's to fetch

    def _judge_candles(self, venue: VenueTime) -> None:
        for interval in self._intervals:
            awaited = self._next_to_close.setdefault(interval, interval.floor(venue.now))
            due = interval.close_of(awaited)
            late = venue.wall_seconds_since(due)
            if late > self._limits.candle_grace_seconds:
                self._late[interval] = (
                    f"prices arrive, but the {interval} candle that was due to close at {due:%H:%M:%S} hasn't come "
                    f"for {late:.1f} s"
                )

    def _silence(self, at: Instant, silent: float) -> str:
        if self._price_at is None:
            return f"no price since it was opened {silent:.1f} s ago"
        other = self.last_event_at is not None and (
            (at.wall - self.last_event_at).total_seconds() < self._limits.silence_seconds
        )
        return f"no price for {silent:.1f} s" + (", though other data arrives" if other else "")

    def _revive(self, at: Instant, silent: float) -> StreamChange | None:
        if self._late or self.state in (StreamState.LIVE, StreamState.CLOSED):
            return None
        if self.state is StreamState.STALE:
            how = f" after {self._treatment}" if self._treatment else ""
            if silent > self._limits.silence_seconds:
                reason = f"data again{how}, after {silent:.1f} s without a price"
            else:  # the candle that was awaited: prices came before it
                reason = f"data again{how}, {(at.wall - self.since).total_seconds():.1f} s after it went stale"
        else:
            reason = "data arrives"
        self._treatment = ""
        return self._become(StreamState.LIVE, reason, at)

    def _become(self, state: StreamState, reason: str, at: Instant) -> StreamChange | None:
        before, self.state, self.reason = self.state, state, reason
        if before is state:
            return None
        self.since = at.wall
        return StreamChange(self.symbol, before, state, reason, at.wall)
