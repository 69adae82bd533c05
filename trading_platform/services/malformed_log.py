"""What the log says of messages that can't be read: the first at once, of a flood only how many more there were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

INTERVAL_SECONDS = 60.0

log = structlog.get_logger()


@dataclass
class _Flood:
    began: float
    more: int = 0
    why: str = ""


class MalformedLog:
    """One line when it begins, then one line per interval and origin for as long as it lasts."""

    def __init__(self) -> None:
        self._floods: dict[tuple[str, ...], _Flood] = {}

    def add(self, symbols: Sequence[str], why: str, seconds: float) -> None:
        """One more; `seconds` is monotonic."""
        self.look(seconds)
        flood = self._floods.get(tuple(symbols))
        if flood is None:
            self._floods[tuple(symbols)] = _Flood(seconds)
            log.warning("stream_message_malformed", symbols=list(symbols), why=why)
        else:
            flood.more, flood.why = flood.more + 1, why

    def look(self, seconds: float, *, is_end: bool = False) -> None:
        """Tell what has come together in intervals that are over; one without any more ends the flood."""
        for symbols, flood in list(self._floods.items()):
            lasted = seconds - flood.began
            if lasted < INTERVAL_SECONDS and not is_end:
                continue
            if flood.more:
                said = f"{flood.more:,} more malformed messages from {', '.join(symbols)} in {lasted:.0f} s"
                log.warning("stream_messages_malformed", count=flood.more, summary=said, newest=flood.why)
                self._floods[symbols] = _Flood(seconds)
            else:
                del self._floods[symbols]
