"""Long series in parts that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta


def day_chunks(per_day: Mapping[date, int], most: int) -> Iterator[tuple[datetime, datetime]]:
    """Parts start <= open_time < end of whole days (UTC), ascending, of `most` candles unless a day alone has more.

    Parameters
    ----------
    per_day
        Candles per day that has any, ascending.
    """
    begun: date | None = None
    last, size = date.min, 0
    for day, count in per_day.items():
        if begun is not None and size + count > most:
            yield _midnight(begun), _midnight(last + timedelta(days=1))
            begun = None
        if begun is None:
            begun, size = day, 0
        last, size = day, size + count
    if begun is not None:
        yield _midnight(begun), _midnight(last + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)
