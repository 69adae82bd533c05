"""Client of the simulated exchange's control endpoint."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.ports.replay import ReplayPosition

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMEOUT_SECONDS = 4.0

# No proxy of the environment stands between us and our own server.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


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
        answer = self._object("POST", "step", {"expected_market_time_ms": expected_ms})
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
        request = urllib.request.Request(
            f"{self._base_url}/control/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with _opener.open(request, timeout=self._timeout_seconds) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as refusal:
            raise self._refused(path, refusal) from None
        except (OSError, urllib.error.URLError) as silence:
            raise RetryLater(f"the simulated exchange at {self._base_url} doesn't answer: {silence}") from None
        except ValueError as error:
            raise self._malformed(path, error) from None

    def _refused(self, path: str, refusal: urllib.error.HTTPError) -> RetryLater | FixSettings:
        said = refusal.read().decode(errors="replace")[:200]
        message = f"the simulated exchange answered {refusal.code} to {path}: {said}"
        return FixSettings(message) if refusal.code == 400 else RetryLater(message)

    def _malformed(self, path: str, error: Exception) -> RetryLater:
        return RetryLater(f"the simulated exchange's answer to {path} can't be read: {type(error).__name__} {error}")


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
