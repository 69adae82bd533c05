"""The ways in which the simulated exchange can be told to misbehave.

A fault is set over the control endpoint, applies where its filters match, and ends by count, by time or
when it's deleted. The places which misbehave ask the `FaultBook`; nothing else knows about faults.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from typing import Any

from trading_platform.simulator.wire_errors import WireError

KINDS: Mapping[str, str] = {
    "mute": "streams stay up and answer pings, but say nothing (stream, symbol)",
    "drop": "close WebSocket connections (channel; close_code, or 0 to reset the connection)",
    "freeze": "WebSockets send no byte at all, no pongs either (channel)",
    "refuse": "refuse WebSocket handshakes (channel; status and retry_after, or status 0 to reset)",
    "refuse_subscription": "answer SUBSCRIBE with an error (code, message)",
    "duplicate": "send stream events twice (stream, symbol)",
    "reorder": "send stream events in swapped pairs, the later one first (stream, symbol)",
    "delay": "answer late (delay_seconds; endpoint, or channel stream|ws-api)",
    "malformed": "send broken payloads (shape; endpoint, or stream and symbol)",
    "status": "answer with an HTTP error (status, retry_after, code, message; endpoint)",
    "lose_answer": "do the work, then lose the answer (shape; endpoint, by default order placement)",
    "hold_order": "lose the answer now and place the order hold_seconds later, unless its recvWindow is over by then",
    "partial_fill": "fill only a fraction of each new order at once (fraction, symbol)",
    "reject_order": "reject new orders (code, message, symbol)",
    "close_market": "take no orders, but cancels, and say so in exchangeInfo (symbol)",
    "clock_skew": "shift the exchange's wall clock (skew_ms)",
    "outage": "HTTP answers 503, WebSockets are dropped and refused",
    "rest_mute": "REST requests hang, or answer 503 (shape hang|503; endpoint)",
}
SHAPES: Mapping[str, tuple[str, ...]] = {
    "malformed": ("truncated", "empty", "html", "not_utf8", "empty_list", "no_symbol"),
    "lose_answer": ("cut", "cut_body", "truncated", "empty", "504", "hang"),
    "hold_order": ("cut", "504", "hang"),
    "rest_mute": ("hang", "503"),
}
PLACE_ORDER = "order_placement"
ENDPOINT_GROUPS = ("market", "trading", "account", PLACE_ORDER, "all")
CHANNELS = ("rest", "stream", "ws-api", "all")
_FORMS: Mapping[str, tuple[str, str]] = {
    "symbol": (r"[A-Za-z0-9]{1,20}", "a symbol such as BTCUSDT, or all"),
    "stream": (r"[A-Za-z0-9_@]{1,30}", "a stream's type such as kline, kline_1m or userData, or all"),
    "endpoint": (
        rf"(?:(?:GET|POST|DELETE) )?/.+|{'|'.join(ENDPOINT_GROUPS)}",
        f"a path, a method and a path, or one of {', '.join(ENDPOINT_GROUPS)}",
    ),
    "channel": ("|".join(CHANNELS), f"one of {', '.join(CHANNELS)}"),
    "message": (r".*", "text"),
}


@dataclass
class Fault:
    """One fault and the requests, sockets or events it applies to; ``None`` matches everything."""

    kind: str
    id: int = 0
    symbol: str | None = None
    stream: str | None = None
    endpoint: str | None = None
    channel: str | None = None
    seconds: float | None = None
    count: int | None = None
    shape: str | None = None
    status: int = 0
    retry_after: int | None = None
    code: int | None = None
    message: str | None = None
    close_code: int = 1001
    delay_seconds: float = 0.0
    hold_seconds: float = 0.0
    fraction: Decimal = Decimal("0.5")
    skew_ms: int = 0
    hits: int = 0
    expires_at: float | None = field(default=None, repr=False)

    def matches(self, wanted: Mapping[str, str | None]) -> bool:
        return all(self._matches_one(name, value) for name, value in wanted.items())

    def _matches_one(self, name: str, value: str | None) -> bool:
        limit: str | None = getattr(self, name)
        if limit is None or limit == "all":
            return True
        if value is None:
            return False
        if name == "stream":
            return value == limit or value.partition("_")[0].partition("@")[0] == limit
        return limit.casefold() == value.casefold()

    def wire(self) -> dict[str, object]:
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "expires_at"}
        shown["fraction"] = str(self.fraction)
        return {name: value for name, value in shown.items() if value is not None}


class FaultBook:
    """All faults in force.

    Parameters
    ----------
    monotonic_seconds
        Clock by which faults expire.
    """

    def __init__(self, monotonic_seconds: Callable[[], float] = time.monotonic) -> None:
        self._now = monotonic_seconds
        self._faults: dict[int, Fault] = {}
        self._ids = itertools.count(1)

    def add(self, request: Mapping[str, Any]) -> Fault:
        """Validate a control request and put its fault in force; raises `WireError` with a clear message."""
        fault = parse_fault(request)
        fault.id = next(self._ids)
        if fault.seconds is not None:
            fault.expires_at = self._now() + fault.seconds
        self._faults[fault.id] = fault
        return fault

    def remove(self, fault_id: int) -> bool:
        return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        self._faults.clear()

    def __iter__(self) -> Iterator[Fault]:
        self._expire()
        return iter(list(self._faults.values()))

    def find(self, kind: str, **wanted: str | None) -> Fault | None:
        """The first matching fault, left as it is."""
        if not self._faults:
            return None
        self._expire()
        for fault in self._faults.values():
            if fault.kind == kind and fault.matches(wanted):
                return fault
        return None

    def take(self, kind: str, **wanted: str | None) -> Fault | None:
        """The first matching fault, counted as having struck once."""
        fault = self.find(kind, **wanted)
        if fault is not None:
            self._strike(fault)
        return fault

    def take_for_endpoint(self, kind: str, endpoints: Iterable[str], **wanted: str | None) -> Fault | None:
        """`take`, for a request which answers to several endpoint names (path, group, ...)."""
        for endpoint in endpoints:
            if self.find(kind, endpoint=endpoint, **wanted) is not None:
                return self.take(kind, endpoint=endpoint, **wanted)
        return None

    def skew_ms(self) -> int:
        return sum(fault.skew_ms for fault in self if fault.kind == "clock_skew")

    def _strike(self, fault: Fault) -> None:
        fault.hits += 1
        if fault.count is not None and fault.hits >= fault.count:
            del self._faults[fault.id]

    def _expire(self) -> None:
        now = self._now()
        for fault in [f for f in self._faults.values() if f.expires_at is not None and f.expires_at <= now]:
            del self._faults[fault.id]


def parse_fault(request: Mapping[str, Any]) -> Fault:
    """Build a fault from a control request's JSON.

    Raises
    ------
    WireError
        -1130 naming the field and the values it may take.
    """
    settable = {f.name for f in fields(Fault)} - {"id", "hits", "expires_at"}
    kind = request.get("kind")
    if kind not in KINDS:
        raise _bad(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    unknown = sorted(set(request) - settable)
    if unknown:
        raise _bad(f"unknown field {unknown[0]!r}; fields are {', '.join(sorted(settable))}")
    fault = Fault(**request)
    _check_texts(fault)
    _check_numbers(fault)
    _check_shape(fault)
    if fault.endpoint is None and fault.kind == "lose_answer":
        fault.endpoint = PLACE_ORDER
    return fault


def _check_texts(fault: Fault) -> None:
    for name, (form, meaning) in _FORMS.items():
        value = getattr(fault, name)
        if value is not None and not (isinstance(value, str) and re.fullmatch(form, value)):
            raise _bad(f"{name} must be {meaning}; got {value!r}")


def _check_shape(fault: Fault) -> None:
    shapes = SHAPES.get(fault.kind)
    if shapes is None:
        return
    if fault.shape is None:
        fault.shape = shapes[0]
    if fault.shape not in shapes:
        raise _bad(f"shape of {fault.kind!r} must be one of {', '.join(shapes)}; got {fault.shape!r}")


def _check_numbers(fault: Fault) -> None:
    try:
        fault.fraction = Decimal(str(fault.fraction))
        for name in ("seconds", "delay_seconds", "hold_seconds"):
            value = getattr(fault, name)
            setattr(fault, name, None if value is None else float(value))
        for name in ("count", "status", "close_code", "skew_ms", "retry_after", "code"):
            value = getattr(fault, name)
            setattr(fault, name, None if value is None else int(value))
    except (TypeError, ValueError, InvalidOperation) as error:
        raise _bad(f"not a number: {error}") from None
    if not 0 <= fault.fraction < 1:
        raise _bad("fraction must be at least 0 and below 1")
    if fault.kind == "status" and not 400 <= fault.status <= 599:
        raise _bad("status must be between 400 and 599")


def _bad(message: str) -> WireError:
    return WireError(-1130, f"Fault: {message}")
