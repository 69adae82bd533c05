"""What the data path is put through: one row per fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

EVERY = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
ONE = ("BTC/USDT",)


class Sign(Enum):
    """By what the platform shows that it has noticed."""

    STATE = "a stream leaves LIVE"
    COUNTER = "a counter of the stream grows"
    CLOCK = "the clock's check fails"


class Back(Enum):
    """From when on fresh data is owed."""

    DETECTION = "detection"
    FAULT_END = "the venue's return"
    SILENCE_END = "the end of the silence it asked for"


@dataclass(frozen=True)
class Scenario:
    """A fault, for how long it lasts, and what is expected of the platform.

    Parameters
    ----------
    faults
        Requests to the simulator's control endpoint, made one after the other; those without a `count` last until the
        end of the scenario.
    seconds
        Wall seconds until all faults are cleared.
    symbols
        Those that must notice.
    counter
        Field of `StreamStatus` that grows, where the sign is a counter.
    back
        While the venue answers by no way at all, nothing is owed.
    market_speed
        Market seconds per wall second.
    """

    name: str
    faults: tuple[Mapping[str, Any], ...]
    seconds: float
    sign: Sign = Sign.STATE
    symbols: tuple[str, ...] = EVERY
    counter: str = ""
    back: Back = Back.DETECTION
    market_speed: float = 20.0

    @property
    def market_seconds(self) -> float:
        """How long it lasts on the market's clock."""
        return self.seconds * self.market_speed


def _fault(kind: str, **details: object) -> Mapping[str, Any]:
    return {"kind": kind, **details}


MUTE_ONE = Scenario("one symbol is mute", (_fault("mute", symbol="BTCUSDT"),), 45, symbols=ONE)
MUTE_ALL = Scenario("all symbols are mute", (_fault("mute"),), 45)
MUTE_CANDLES = Scenario("prices come, candles don't", (_fault("mute", stream="kline"),), 45)
FREEZE = Scenario("sockets freeze (no byte, no pong)", (_fault("freeze", channel="stream"),), 45)
CLOSE = Scenario("sockets are closed", (_fault("drop", channel="stream"),), 20)
RESET = Scenario("sockets are reset", (_fault("drop", channel="stream", close_code=0),), 20)
REFUSE = Scenario(
    "handshakes are refused",
    (_fault("refuse", channel="stream", status=503), _fault("drop", channel="stream")),
    45,
)
ONE_MALFORMED = Scenario(
    "one malformed frame",
    (_fault("malformed", stream="bookTicker", symbol="BTCUSDT", count=1),),
    20,
    Sign.COUNTER,
    ONE,
    "malformed",
)
MALFORMED = Scenario(
    "every frame of one symbol is malformed",
    (_fault("malformed", stream="bookTicker", symbol="BTCUSDT"), _fault("mute", stream="kline", symbol="BTCUSDT")),
    45,
    symbols=ONE,
)
OUTAGE = Scenario(
    "outage of an hour of market (60 s at speed 60)",
    (_fault("outage"),),
    60,
    back=Back.FAULT_END,
    market_speed=60.0,
)
THREAT = Scenario(
    "mute, and REST answers 429, then 418",
    (
        _fault("mute"),
        _fault("status", status=429, code=-1003, retry_after=5, count=1),
        _fault("status", status=418, code=-1003, retry_after=12, count=1),
        _fault("delay", channel="rest"),  # delays by nothing: it counts the requests
    ),
    75,
    back=Back.SILENCE_END,
)
CLOCK_AHEAD = Scenario("venue's clock 3 s ahead", (_fault("clock_skew", skew_ms=3000),), 45, Sign.CLOCK, ())
CLOCK_BEHIND = Scenario("venue's clock 3 s behind", (_fault("clock_skew", skew_ms=-3000),), 45, Sign.CLOCK, ())
OUT_OF_ORDER = Scenario("events out of order", (_fault("reorder"),), 30, Sign.COUNTER, EVERY, "out_of_order")
DUPLICATES = Scenario("events twice", (_fault("duplicate"),), 30, Sign.COUNTER, EVERY, "duplicates")

SCENARIOS = (
    OUTAGE,
    THREAT,
    MUTE_ONE,
    MUTE_ALL,
    MUTE_CANDLES,
    FREEZE,
    CLOSE,
    RESET,
    REFUSE,
    ONE_MALFORMED,
    MALFORMED,
    CLOCK_AHEAD,
    CLOCK_BEHIND,
    OUT_OF_ORDER,
    DUPLICATES,
)
"""The longest first: they are run several at once."""
