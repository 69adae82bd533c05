"""Do the stored candles agree with what the venue publishes of the same time?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trading_platform.domain.candle import Candle, Interval
from trading_platform.ports.series_store import SeriesStore

_VALUES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Difference:
    """A stored candle that isn't what the venue publishes."""

    source: str
    stored: Candle
    published: Candle

    def __str__(self) -> str:
        changes = [
            f"{name} {getattr(self.stored, name)} instead of {getattr(self.published, name)}"
            for name in _VALUES
            if getattr(self.stored, name) != getattr(self.published, name)
        ]
        return f"{self.stored.open_time:%Y-%m-%d %H:%M} UTC ({self.source}): {', '.join(changes)}"


@dataclass(frozen=True)
class Agreement:
    """Outcome of a comparison.

    Parameters
    ----------
    compared
        Stored candles that the venue publishes, too, by their source.
    unpublished
        Open times of stored candles that the venue doesn't publish.
    """

    compared: Mapping[str, int] = field(default_factory=dict)
    differences: Sequence[Difference] = ()
    unpublished: Sequence[datetime] = ()

    @property
    def agrees(self) -> bool:
        """Whether every stored candle is the venue's own."""
        return not self.differences and not self.unpublished

    def summary(self) -> str:
        """One line for the owner."""
        total = sum(self.compared.values())
        by_source = ", ".join(f"{count} by {source}" for source, count in sorted(self.compared.items()))
        told = f"{total} stored candles compared ({by_source})" if total else "no stored candles to compare"
        if self.differences:
            told += f"; {len(self.differences)} differ, the first: {self.differences[0]}"
        if self.unpublished:
            told += (
                f"; {len(self.unpublished)} that the venue doesn't publish, "
                f"the first: {self.unpublished[0]:%Y-%m-%d %H:%M} UTC"
            )
        return told


def compare_with_venue(
    store: SeriesStore, symbol: str, interval: Interval, published: Sequence[Candle], start: datetime, end: datetime
) -> Agreement:
    """Compare what is stored of start <= open_time < end with all that the venue publishes of it."""
    stored = store.candles(symbol, interval, start=start, end=end)
    if not stored:
        return Agreement()
    sources = store.sources(symbol, interval, start=start, end=end)
    own = {candle.open_time: candle for candle in published}
    both = [candle for candle in stored if candle.open_time in own]
    return Agreement(
        compared=Counter(sources[candle.open_time] for candle in both),
        differences=[
            Difference(sources[candle.open_time], candle, own[candle.open_time])
            for candle in both
            if candle != own[candle.open_time]
        ],
        unpublished=[candle.open_time for candle in stored if candle.open_time not in own],
    )
