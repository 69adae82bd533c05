"""Client of the simulated exchange's control endpoint."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.ports.replay import ReplayPosition

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMEOUT_SECONDS = 4.0
_STEP = "step"  # repeated without harm: it names the time that it is to be made at
_HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class MarketClock:
    """The simulated market's time.

    Parameters
    ----------
    speed
        Market seconds per wall second while it runs.
    steps
        Whether it stands still but for steps.
    market_id
        Another market, another time.
    """

    now: datetime
    speed: float
    steps: bool
    finished: bool
    ends_at: datetime | None
    market_id: str


class SimulatorControl:
    """Reads and sets what isn't part of an exchange's API. Every method raises RetryLater if it doesn't answer.

    Each thread keeps one connection, and makes it anew if the server has closed it meanwhile. No proxy of the
    environment stands between us and our own server.

    Parameters
    ----------
    base_url
        ``http://host:port`` of the simulated exchange.
    """

    def __init__(self, base_url: str, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise FixSettings(f"servers.simulator: {base_url!r} is no URL; write http://host:port")
        self._base_url = base_url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._kept = threading.local()

    def clock(self) -> MarketClock:
        """Where the market's time stands, and how it goes on."""
        answer = self._object("GET", "clock")
        try:
            ends_at_ms = answer["ends_at_ms"]
            return MarketClock(
                now=_moment(answer["market_time_ms"]),
                speed=float(answer["speed"]),
                steps=answer["mode"] == "step",
                finished=bool(answer["finished"]),
                ends_at=None if ends_at_ms is None else _moment(ends_at_ms),
                market_id=str(answer["market_id"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._malformed("clock", error) from None

    def position(self) -> ReplayPosition:
        """Where the market stands."""
        clock = self.clock()
        return ReplayPosition(clock.now, clock.finished)

    def step(self, expected: datetime) -> ReplayPosition:
        """Close one more candle, if the market stands at `expected`; otherwise only tell where it stands."""
        expected_ms = (expected - _EPOCH) // timedelta(milliseconds=1)
        answer = self._object("POST", _STEP, {"expected_market_time_ms": expected_ms})
        try:
            return ReplayPosition(_moment(answer["market_time_ms"]), bool(answer["finished"]))
        except (KeyError, TypeError) as error:
            raise self._malformed("step", error) from None

    def health(self) -> Mapping[str, Any]:
        """What it serves."""
        return self._object("GET", "health")

    def audit(self) -> Mapping[str, Mapping[str, Any]]:
        """Per asset, where every unit of it is, and whether that balances."""
        return self._object("GET", "audit")

    def add_fault(self, kind: str, **details: object) -> int:
        """Make it misbehave; returns the fault's id."""
        answer = self._object("POST", "faults", {"kind": kind, **details})
        try:
            return int(answer["id"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._malformed("faults", error) from None

    def faults(self) -> list[Mapping[str, Any]]:
        """Faults in force."""
        answer = self._request("GET", "faults")
        if not isinstance(answer, list):
            raise self._malformed("faults", TypeError("not a list"))
        return answer

    def remove_fault(self, fault_id: int) -> None:
        """End one fault."""
        self._object("DELETE", f"faults/{fault_id}")

    def clear_faults(self) -> None:
        """End all faults."""
        self._object("DELETE", "faults")

    def _object(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        answer = self._request(method, path, body)
        if not isinstance(answer, dict):
            raise self._malformed(path, TypeError("not an object"))
        return answer

    def _request(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        text = None if body is None else json.dumps(body)
        kept: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        # what may not be done twice begins with a connection that is certainly open
        may_repeat = method == "GET" or path == _STEP
        try:
            answer = self._ask_kept(kept, method, path, text) if kept and may_repeat else None
            status, said = answer or self._ask(self._connect(), method, path, text)
        except (OSError, http.client.HTTPException) as silence:
            raise RetryLater(f"the simulated exchange at {self._base_url} doesn't answer: {silence!r}") from None
        if status >= 300:
            raise self._refused(path, status, said.decode(errors="replace")[:200])
        try:
            return json.loads(said)
        except ValueError as error:
            raise self._malformed(path, error) from None

    def _ask_kept(
        self, kept: http.client.HTTPConnection, method: str, path: str, text: str | None
    ) -> tuple[int, bytes] | None:
        """Ask over the kept connection; None if the server has closed it."""
        try:
            return self._ask(kept, method, path, text)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            return None

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, text: str | None
    ) -> tuple[int, bytes]:
        self._kept.connection = None
        try:
            connection.request(method, f"{urlsplit(self._base_url).path}/control/{path}", text, _HEADERS)
            response = connection.getresponse()
            answer = response.status, response.read()
        except BaseException:
            connection.close()
            raise
        self._kept.connection = connection
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self._base_url)
        secure = parts.scheme == "https"
        make = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return make(parts.netloc, timeout=self._timeout_seconds)

    def _refused(self, path: str, status: int, said: str) -> RetryLater | FixSettings:
        message = f"the simulated exchange answered {status} to {path}: {said}"
        return FixSettings(message) if status == 400 else RetryLater(message)

    def _malformed(self, path: str, error: Exception) -> RetryLater:
        return RetryLater(f"the simulated exchange's answer to {path} can't be read: {type(error).__name__} {error}")


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
