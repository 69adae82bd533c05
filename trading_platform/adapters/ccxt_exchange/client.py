"""One long-lived ccxt client per process, and the only two ways of using it: reading and sending."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit

import ccxt
import stamina
from pydantic import SecretStr

from trading_platform.adapters.ccxt_exchange.exact_exchange import exact_exchange
from trading_platform.adapters.ccxt_exchange.failures import Failure, MalformedAnswer, reading_failed
from trading_platform.domain.errors import FixSettings, PlatformError, RetryLater, WaitUntilAllowed

T = TypeVar("T")
Market = Mapping[str, Any]

MARKETS_LIFETIME_SECONDS = 3600.0
_READ_ATTEMPTS = 2
_REPEAT_WITHIN_SECONDS = 1.0
_REPEAT_WAIT_SECONDS = 0.1

# ccxt checks no answer's shape: what it stumbles over is the venue's fault. Only for calls into ccxt.
_CCXT_STUMBLES = (ccxt.BaseError, LookupError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True)
class VenueAccess:
    """Where a venue is and how it is spoken to.

    Parameters
    ----------
    exchange_id
        ccxt's name of the exchange, whose protocol is spoken.
    name
        The venue's name for people.
    read_timeout_seconds, send_timeout_seconds
        For requests that change nothing, and for those that may.
    base_url
        Replaces every host of the exchange.
    """

    exchange_id: str
    name: str
    read_timeout_seconds: float
    send_timeout_seconds: float
    base_url: str | None = None
    api_key: SecretStr | None = field(default=None, repr=False)
    api_secret: SecretStr | None = field(default=None, repr=False)
    recv_window_ms: int = 5000

    @property
    def is_loopback(self) -> bool:
        """Whether the venue is on this computer, so that its rate limits needn't be guessed ahead."""
        host = urlsplit(self.base_url or "").hostname or ""
        return host == "localhost" or (host.replace(".", "").isdigit() and ip_address(host).is_loopback)

    def without_secrets(self, text: str) -> str:
        """The text, should the venue have repeated our keys in it."""
        for secret in (self.api_key, self.api_secret):
            if secret is not None and secret.get_secret_value():
                text = text.replace(secret.get_secret_value(), "***")
        return text

    def config(self) -> dict[str, Any]:
        """ccxt's configuration: spot only, and nothing fetched that isn't needed."""
        keys = {
            name: secret.get_secret_value()
            for name, secret in (("apiKey", self.api_key), ("secret", self.api_secret))
            if secret is not None
        }
        return {
            **keys,
            "enableRateLimit": not self.is_loopback,
            "options": {
                "defaultType": "spot",
                "fetchMarkets": {"types": ["spot"]},
                "fetchCurrencies": False,
                "fetchMargins": False,
                "adjustForTimeDifference": bool(keys) and not self.is_loopback,
                "recvWindow": self.recv_window_ms,
                "maxRetriesOnFailure": 0,
            },
        }


class CcxtClient:
    """A ccxt exchange that is made at its first use, in the process that uses it, and kept.

    When the venue asks for silence, nothing is sent until the time is over: every call raises WaitUntilAllowed.

    Parameters
    ----------
    monotonic_seconds
        What silences and lifetimes are measured on; tests pass their own.
    """

    def __init__(self, access: VenueAccess, monotonic_seconds: Callable[[], float] = time.monotonic) -> None:
        self.access = access
        self.monotonic_seconds = monotonic_seconds
        self._lock = threading.RLock()
        self._exchange: Any = None
        self._made_in_process = 0
        self._markets_loaded_at: float | None = None
        self._silent_until = 0.0

    def read(
        self,
        what: str,
        ask: Callable[[Any], T],
        translate: Callable[[Failure], PlatformError] = reading_failed,
    ) -> T:
        """Ask something that changes nothing, a second time if the first failed quickly.

        Parameters
        ----------
        ask
            Given ccxt's exchange; a single request.
        translate
            Which error a failure is.
        """
        attempts = stamina.retry_context(
            on=_is_worth_repeating,
            attempts=_READ_ATTEMPTS,
            timeout=_REPEAT_WITHIN_SECONDS,
            wait_initial=_REPEAT_WAIT_SECONDS,
            wait_jitter=_REPEAT_WAIT_SECONDS,
        )
        for attempt in attempts:
            with attempt:
                return self._ask(what, ask, translate, self.access.read_timeout_seconds)
        raise AssertionError("stamina always makes an attempt")

    def send(self, what: str, ask: Callable[[Any], T], translate: Callable[[Failure], PlatformError]) -> T:
        """Ask something that may change something, once."""
        return self._ask(what, ask, translate, self.access.send_timeout_seconds)

    def markets(self) -> Mapping[str, Market]:
        """ccxt's markets per unified symbol, read again after an hour."""
        with self._lock:
            self._own_exchange()
            loaded_at = self._markets_loaded_at
            if loaded_at is None or self.monotonic_seconds() - loaded_at > MARKETS_LIFETIME_SECONDS:
                if not self.read("markets", lambda exchange: exchange.load_markets(True)):
                    raise MalformedAnswer(f"{self.access.name} listed no markets")
                self._markets_loaded_at = self.monotonic_seconds()
            markets: Mapping[str, Market] = self._exchange.markets
            return markets

    def market(self, symbol: str) -> Market:
        """One market.

        Raises
        ------
        FixSettings
            If the venue doesn't trade it.
        """
        market = self.markets().get(symbol)
        if market is None:
            raise FixSettings(f"market.symbols: {self.access.name} doesn't trade {symbol} on its spot market")
        return market

    def _ask(
        self,
        what: str,
        ask: Callable[[Any], T],
        translate: Callable[[Failure], PlatformError],
        timeout_seconds: float,
    ) -> T:
        access = self.access
        with self._lock:
            self._keep_silence(what)
            exchange = self._own_exchange()
            exchange.timeout = int(timeout_seconds * 1000)
            exchange.request_left, exchange.answer = False, None
            try:
                return ask(exchange)
            except _CCXT_STUMBLES as error:
                failure = Failure.of(f"{access.name}, {what}", error, exchange.answer, exchange.request_left)
            if failure.wait_seconds is not None:
                self._silent_until = self.monotonic_seconds() + failure.wait_seconds
        # outside the except clause: ccxt's own message holds the signed URL, and must not be chained
        raise translate(replace(failure, message=access.without_secrets(failure.message)))

    def _keep_silence(self, what: str) -> None:
        """Who goes on asking after a 429 is banned, for longer each time."""
        left = self._silent_until - self.monotonic_seconds()
        if left > 0:
            name = self.access.name
            raise WaitUntilAllowed(f"{name}, {what}: not sent, {name} wants silence for {left:.0f} s more", left)

    @property
    def precision_is_step(self) -> bool:
        """Whether ccxt states this venue's precisions as steps, not as numbers of decimals."""
        with self._lock:
            return bool(self._own_exchange().precisionMode == ccxt.TICK_SIZE)

    def _own_exchange(self) -> Any:
        if self._exchange is None or self._made_in_process != os.getpid():
            access = self.access
            self._exchange = exact_exchange(access.exchange_id, access.config(), access.base_url)
            self._made_in_process = os.getpid()
            self._markets_loaded_at = None
        return self._exchange


def _is_worth_repeating(error: Exception) -> bool:
    """Only plain trouble: a venue that asked for silence gets it."""
    return type(error) is RetryLater
