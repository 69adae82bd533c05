"""A strategy's verdict on one closed candle, and the identities derived from it (I3)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.venue_time import VenueTime


class LegKind(StrEnum):
    """What an order does for its signal."""

    ENTRY = "entry"
    EXIT = "exit"
    STOP = "stop"
    TARGET = "target"


_LEG = re.compile(f"({'|'.join(LegKind)})([0-9]*)")
_ORDER_ID = re.compile("tp[0-9a-f]{30}")


@dataclass(frozen=True)
class Leg:
    """One order's place in its signal: the entry, or the n-th attempt at the exit, at the stop or at the target.

    An exit that ended without closing the position (refused, or partly filled) is followed by another leg, and so is
    a stop that another one replaces; there is never a second order for the same leg.
    """

    kind: LegKind
    attempt: int = 1

    @classmethod
    def parse(cls, text: str) -> Leg:
        """The leg that is written so; ValueError if none is."""
        match = _LEG.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no leg")
        return cls(LegKind(match[1]), int(match[2] or 1))

    def __str__(self) -> str:
        return self.kind if self.attempt == 1 else f"{self.kind}{self.attempt}"


@dataclass(frozen=True)
class Signal:
    """A strategy's verdict on one closed candle.

    The identity is account, strategy and version, symbol, interval and candle close: the same candle evaluated again
    is the same signal.

    Parameters
    ----------
    candle_close
        End of the judged candle on the venue's clock.
    reason, evidence
        Why, in plain words, and the indicator values behind it.
    """

    account: str
    strategy: str
    strategy_version: str
    symbol: str
    interval: str
    candle_close: datetime
    direction: Direction
    reason: str
    evidence: Mapping[str, float] = field(default_factory=dict)

    @property
    def signal_id(self) -> str:
        """32 hex digits of the identity."""
        identity = (
            self.account,
            self.strategy,
            self.strategy_version,
            self.symbol,
            self.interval,
            self.candle_close.isoformat(),
        )
        return hashlib.sha256("|".join(identity).encode()).hexdigest()[:32]

    def is_valid_at(self, now: VenueTime, valid_for_seconds: float, reaction_allowance_seconds: float) -> bool:
        """Whether an entry may still act on it.

        Validity is market time; the allowance for the platform's own latency is wall time, and a replay at speed N
        sees N times as much market pass during it.
        """
        lifetime = valid_for_seconds + now.venue_seconds(reaction_allowance_seconds)
        return now.now - self.candle_close <= timedelta(seconds=lifetime)


def client_order_id(signal_id: str, leg: Leg) -> str:
    """The order's id at the venue: 32 alphanumerics, the same for every rerun of the same leg."""
    return "tp" + hashlib.sha256(f"{signal_id}|{leg}".encode()).hexdigest()[:30]


def order_list_id(signal_id: str, attempt: int) -> str:
    """The venue's id of the list that the attempt's stop and target make up, in the form of an order's."""
    return "tl" + hashlib.sha256(f"{signal_id}|list{attempt}".encode()).hexdigest()[:30]


def is_our_order_id(text: str) -> bool:
    """Whether an order's id at the venue has the form that the platform gives."""
    return _ORDER_ID.fullmatch(text) is not None
