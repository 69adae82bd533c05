"""ccxt's exchanges, made exact: numbers stay the text that the venue sent, and its raw answer is kept for judging."""

from __future__ import annotations

import difflib
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ccxt

from trading_platform.domain.errors import FixSettings

# At DEBUG these write request headers (the API key) and signed URLs.
for _talkative in ("ccxt", "urllib3"):
    logging.getLogger(_talkative).setLevel(logging.INFO)

_HOST = re.compile(r"^(http|ws)s?://[^/]*")


@dataclass(frozen=True)
class HttpAnswer:
    """What came back over HTTP, before anybody interpreted it."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class OutgoingRequest:
    """A request that is about to be sent, with ccxt's idea of its cost."""

    method: str
    path: str
    parameters: Mapping[str, Any]
    cost: float


def require_known(exchange_id: str) -> None:
    """Raise FixSettings unless ccxt has an exchange of that name."""
    if exchange_id not in ccxt.exchanges:
        similar = difflib.get_close_matches(exchange_id, ccxt.exchanges, n=3)
        hint = f"did you mean {' or '.join(similar)}?" if similar else "see ccxt's list of exchanges"
        raise FixSettings(f"venue.name: {exchange_id!r} is no exchange that ccxt knows; {hint}")


def exact_exchange(exchange_id: str, config: Mapping[str, Any], base_url: str | None) -> Any:
    """A synchronous ccxt exchange whose numbers are exact text.

    Parameters
    ----------
    base_url
        Takes the place of scheme and host in every URL; the paths stay.

    Raises
    ------
    FixSettings
        If ccxt knows no exchange of that name.
    """
    require_known(exchange_id)
    base = getattr(ccxt, exchange_id)
    exchange = type(f"Exact_{exchange_id}", (_Exact, base), {})(dict(config))
    exchange.session.max_redirects = 0  # a redirected order would be sent twice
    if base_url is not None:
        exchange.urls["api"] = repoint(exchange.urls["api"], base_url.rstrip("/"))
    return exchange


def repoint(urls: Any, base_url: str) -> Any:
    """All of `urls` (nested as ccxt nests them) on one server; WebSocket URLs keep their own scheme."""
    if isinstance(urls, dict):
        return {name: repoint(url, base_url) for name, url in urls.items()}
    _, separator, host = base_url.partition("://")
    secure = "s" if base_url.startswith("https") else ""
    return _HOST.sub(lambda match: f"{match[1]}{secure}{separator}{host}", urls)


class _Exact:
    """Mixed in before an exchange class of ccxt."""

    number = str
    answer: HttpAnswer | None = None
    request_left: bool = False
    rate_limits: list[Any] | None = None
    before_request: Callable[[OutgoingRequest], None] | None = None

    @staticmethod
    def on_json_response(body: str) -> Any:
        """Decode without ever making a float."""
        return json.loads(body, parse_float=str, parse_constant=_refuse_constant)

    def on_rest_response(self, status: int, *answer: Any) -> str:
        """Keep the answer as it is; ccxt's exceptions tell only part of it."""
        _, _, _, headers, body, *_ = answer
        self.answer = HttpAnswer(status, headers, body)
        return str(body).strip()

    def fetch2(
        self, path: str, api: Any = "public", method: str = "GET", params: Any = None, config: Any = None
    ) -> Any:
        """Ask for leave before any request, those included that ccxt makes unasked."""
        params, config = params or {}, config or {}
        if self.before_request is not None:
            cost = self.calculate_rate_limiter_cost(api, method, path, params, config)  # type: ignore[attr-defined]
            self.before_request(OutgoingRequest(method, path, params, float(cost)))
        return super().fetch2(path, api, method, params, config)  # type: ignore[misc]

    def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        """Send a request; a success that isn't JSON is an error (ccxt hands its text on)."""
        self.answer = None
        self.request_left = True
        decoded = super().fetch(url, method, headers, body)  # type: ignore[misc]
        if not isinstance(decoded, (dict, list)):
            raise ccxt.BadResponse("the answer is not JSON")
        if isinstance(decoded, dict) and isinstance(decoded.get("rateLimits"), list):
            self.rate_limits = decoded["rateLimits"]
        return decoded


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")
