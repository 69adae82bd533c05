"""The same candle by stream and by REST. A warning: REST's answer has replaced the row by the time it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_platform.domain.candle import Candle
from trading_platform.domain.check import Severity, Verdict

_FIELDS = ("open", "high", "low", "close", "volume")
_SHOWN = 3


@dataclass(frozen=True)
class Difference:
    """One value of a candle that two sources tell differently; `rest` is None where REST has no such candle."""

    open_time: datetime
    field: str
    stream: Decimal
    rest: Decimal | None

    def __str__(self) -> str:
        rest = "nothing" if self.rest is None else _plain(self.rest)
        return f"{self.open_time:%Y-%m-%d %H:%M} UTC {self.field}: stream {_plain(self.stream)}, REST {rest}"


def compare_candles(streamed: Sequence[Candle], by_rest: Sequence[Candle]) -> list[Difference]:
    """What REST tells otherwise about the candles that came by stream, in the order of time."""
    known = {candle.open_time: candle for candle in by_rest}
    found = []
    for candle in streamed:
        other = known.get(candle.open_time)
        if other is None:
            found.append(Difference(candle.open_time, "close", candle.close, None))
            continue
        found += [
            Difference(candle.open_time, name, getattr(candle, name), getattr(other, name))
            for name in _FIELDS
            if getattr(candle, name) != getattr(other, name)
        ]
    return found


def judge_agreement(differences: Sequence[Difference], candles: int, compared_at: datetime) -> Verdict:
    """Whether so many candles were found the same at both sources."""
    when = f"compared at {compared_at:%H:%M:%S} UTC"
    if not differences:
        return Verdict(True, f"{candles} streamed candles are the same by REST, {when}", Severity.WARNING)
    shown = "; ".join(str(difference) for difference in differences[:_SHOWN])
    more = f"; {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    return Verdict(
        False,
        f"{len(differences)} values of {candles} streamed candles differ by REST, {when}: {shown}{more}",
        Severity.WARNING,
    )


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
