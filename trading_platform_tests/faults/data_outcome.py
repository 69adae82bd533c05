"""What a scenario's record says: when it was noticed, when data was fresh again, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from trading_platform.domain.stream import StreamState
from trading_platform_tests.faults.data_path import Pace, Record
from trading_platform_tests.faults.data_scenarios import EVERY, Back, Scenario, Sign

DETECTION_LIMIT_SECONDS = 15.0


@dataclass(frozen=True)
class Outcome:
    """Figures of one scenario, in wall seconds; of several symbols the slowest counts. None: it didn't happen.

    Parameters
    ----------
    phase_seconds
        How long after the beginning of a refresh the fault began.
    fresh_seconds
        From `fresh_since` until the store held a price of each symbol that arrived after it.
    oldest_price_seconds
        The greatest age of a price in the store, from the fault on until the streams had recovered.
    live_again_seconds
        From the end of the fault until every stream was LIVE.
    whole_seconds
        From the end of the fault until a tick left no hole in the stored candles.
    rows_lost, rows_doubled, rows_wrong
        Of closed candles, against the exchange's own: not stored; stored more than once, or not the exchange's at all;
        stored with other values.
    rows_by_rest
        Of the candles stored since the fault, those that REST had to bring.
    requests_in_silence
        REST requests until the silence that the venue asked for was over; None where they weren't counted.
    """

    scenario: str
    phase_seconds: float
    market_seconds: float
    detection_seconds: float | None
    fresh_since: str
    fresh_seconds: float | None
    cadence_seconds: float
    oldest_price_seconds: float
    live_again_seconds: float | None
    whole_seconds: float | None
    rows: int
    rows_by_rest: int
    rows_lost: int
    rows_doubled: int
    rows_wrong: int
    corrections: int
    failed_ticks: int
    requests_in_silence: int | None
    states: tuple[str, ...]

    @property
    def problems(self) -> list[str]:
        """What is beyond the limits; empty if nothing is."""
        found = {
            "not noticed in time": not _within(self.detection_seconds, DETECTION_LIMIT_SECONDS),
            "not fresh within a cadence": not _within(self.fresh_seconds, self.cadence_seconds),
            "streams not live again": self.live_again_seconds is None,
            "rows lost": self.rows_lost > 0,
            "rows doubled": self.rows_doubled > 0,
            "rows wrong": self.rows_wrong > 0,
            "rows corrected": self.corrections > 0,
        }
        return [problem for problem, is_so in found.items() if is_so]


def judge(scenario: Scenario, pace: Pace, record: Record) -> Outcome:
    """Compute the figures."""
    noticed = _noticed_at(scenario, record)
    owed = {
        Back.DETECTION: noticed,
        Back.FAULT_END: record.fault_ended_at,
        Back.SILENCE_END: record.silence_until,
    }[scenario.back]
    lost, alien, wrong, by_rest = _rows(record)
    stored = sum(map(len, record.stored.values()))
    live = _live_again_at(record)
    return Outcome(
        scenario=scenario.name,
        phase_seconds=round(pace.phase * pace.cadence_seconds, 1),
        market_seconds=scenario.market_seconds,
        detection_seconds=_seconds(record.fault_at, noticed),
        fresh_since=scenario.back.value,
        fresh_seconds=None if owed is None else _seconds(owed, _fresh_at(record, owed)),
        cadence_seconds=pace.cadence_seconds,
        oldest_price_seconds=round(_oldest_price(record), 2),
        live_again_seconds=_seconds(record.fault_ended_at, live),
        whole_seconds=_seconds(record.fault_ended_at, _whole_at(record)),
        rows=stored,
        rows_by_rest=by_rest,
        rows_lost=lost,
        rows_doubled=record.stored_rows - stored + alien,
        rows_wrong=wrong,
        corrections=record.corrections,
        failed_ticks=sum(bool(tick.trouble) for tick in record.ticks),
        requests_in_silence=_requests_in_silence(record),
        states=tuple(_timeline(record)),
    )


def _within(seconds: float | None, limit: float) -> bool:
    return seconds is not None and seconds <= limit


def _seconds(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else round((end - start).total_seconds(), 2)


def _noticed_at(scenario: Scenario, record: Record) -> datetime | None:
    """When the last of the symbols had been noticed."""
    if scenario.sign is Sign.CLOCK:
        ticks = [tick.ended_at for tick in record.ticks if tick.at >= record.fault_at and not tick.clock_passed]
        watched = [each.at for each in record.clock_verdicts if each.at >= record.fault_at and not each.passed]
        return min([*ticks, *watched], default=None)
    if scenario.sign is Sign.STATE:
        moments = [_left_live_at(record, symbol) for symbol in scenario.symbols]
    else:
        moments = [_counted_at(record, symbol, scenario.counter) for symbol in scenario.symbols]
    known = [moment for moment in moments if moment is not None]
    return max(known) if len(known) == len(moments) else None


def _left_live_at(record: Record, symbol: str) -> datetime | None:
    left = (
        change.at
        for change in record.changes
        if change.symbol == symbol and change.at >= record.fault_at and change.before is StreamState.LIVE
    )
    return next(left, None)


def _counted_at(record: Record, symbol: str, counter: str) -> datetime | None:
    before = [look.statuses[symbol] for look in record.looks if look.at < record.fault_at and symbol in look.statuses]
    had = getattr(before[-1], counter) if before else 0
    return next(
        (
            look.at
            for look in record.looks
            if look.at >= record.fault_at and getattr(look.statuses[symbol], counter) > had
        ),
        None,
    )


def _fresh_at(record: Record, owed: datetime) -> datetime | None:
    """When the store held a price of each symbol that arrived after that."""
    return next(
        (
            look.at
            for look in record.looks
            if look.at >= owed and all(look.tickers[symbol].received_at >= owed for symbol in EVERY)
        ),
        None,
    )


def _oldest_price(record: Record) -> float:
    return max(
        (look.at - look.tickers[symbol].received_at).total_seconds()
        for look in record.looks
        if look.at >= record.fault_at
        for symbol in EVERY
    )


def _live_again_at(record: Record) -> datetime | None:
    if not record.has_recovered:
        return None
    returned = [
        change.at for change in record.changes if change.at > record.fault_ended_at and change.after is StreamState.LIVE
    ]
    return max(returned, default=record.fault_ended_at)


def _whole_at(record: Record) -> datetime | None:
    whole = (tick.ended_at for tick in record.ticks if tick.at > record.fault_ended_at and not tick.missing)
    return next(whole, None)


def _rows(record: Record) -> tuple[int, int, int, int]:
    """Closed candles that are lost, that the exchange doesn't have, that differ, and that came by REST."""
    lost = alien = wrong = by_rest = 0
    for symbol in EVERY:
        stored, published = record.stored[symbol], record.published[symbol]
        lost += len(published.keys() - stored.keys())
        # the newest may have closed after the exchange's own were read off
        alien += sum(open_time <= max(published) for open_time in stored.keys() - published.keys())
        wrong += sum(stored[open_time].candle != published[open_time] for open_time in stored.keys() & published.keys())
        by_rest += sum(row.source == "rest" and row.received_at >= record.fault_at for row in stored.values())
    return lost, alien, wrong, by_rest


def _requests_in_silence(record: Record) -> int | None:
    if record.silence_until is None:
        return None
    counts = [look.requests for look in record.looks if look.requests is not None and look.at <= record.silence_until]
    return counts[-1] if counts else None


def _timeline(record: Record) -> Iterator[str]:
    for change in record.changes:
        if change.at >= record.fault_at and change.after is not StreamState.CLOSED:
            seconds = (change.at - record.fault_at).total_seconds()
            yield f"{seconds:+.1f} s {change.symbol} {change.before} → {change.after}: {change.reason}"
