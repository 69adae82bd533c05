"""A venue as one process asks it: within the shared budget, past the circuit breakers, by reading or by sending."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit

import ccxt
import stamina
import structlog
from pydantic import SecretStr

from trading_platform.adapters.ccxt_exchange.exact_exchange import HttpAnswer, OutgoingRequest, exact_exchange
from trading_platform.adapters.ccxt_exchange.exchange_pool import ExchangePool
from trading_platform.adapters.ccxt_exchange.failures import Failure, MalformedAnswer, reading_failed
from trading_platform.adapters.ccxt_exchange.request_costs import charges, pace, stated_limits
from trading_platform.adapters.circuit_breaker import CircuitBreaker
from trading_platform.adapters.circuit_notes import CircuitNotes
from trading_platform.adapters.local_request_budget import LocalRequestBudget
from trading_platform.domain.circuit import CircuitState
from trading_platform.domain.errors import FixSettings, PlatformError, RetryLater, SymbolNotTraded, WaitUntilAllowed
from trading_platform.domain.request_limits import RequestGroup, RequestLimit
from trading_platform.ports.circuit_journal import CircuitJournal
from trading_platform.ports.request_budget import RequestBudget

T = TypeVar("T")
Market = Mapping[str, Any]

MARKETS_LIFETIME_SECONDS = 3600.0
_READ_ATTEMPTS = 2
_REPEAT_WITHIN_SECONDS = 1.0
_REPEAT_WAIT_SECONDS = 0.1
_MARKETS_RETRY_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 1.0
_USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"

LONGEST_WAIT_FOR_BUDGET_SECONDS = 1.0
"""Beyond it, a request isn't made to wait for its turn but given back to whoever asked."""

log = structlog.get_logger()

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
    at_once
        How many requests may be under way at the same time.
    market_data_share
        Of every limit that market data may use up; account and orders have the rest to themselves.
    failures_to_pause, longest_pause_seconds
        Of a group of endpoints that doesn't answer.
    """

    exchange_id: str
    name: str
    read_timeout_seconds: float
    send_timeout_seconds: float
    base_url: str | None = None
    api_key: SecretStr | None = field(default=None, repr=False)
    api_secret: SecretStr | None = field(default=None, repr=False)
    recv_window_ms: int = 5000
    at_once: int = 1
    market_data_share: float = 0.8
    failures_to_pause: int = 5
    longest_pause_seconds: float = 10.0

    @property
    def budget_name(self) -> str:
        """Whose limits these are: one name, one budget."""
        return self.base_url or self.exchange_id

    def share_of(self, group: RequestGroup) -> float:
        """How much of a limit may be used up by this kind of request."""
        spare = 1 - self.market_data_share
        return {RequestGroup.MARKET_DATA: self.market_data_share, RequestGroup.ACCOUNT: 1 - spare / 2}.get(group, 1.0)

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
    """A few ccxt exchanges that are made at their first use, in the process that uses them, and kept.

    When the venue asks for silence, no process that shares the budget sends anything until the time is over: every
    call raises WaitUntilAllowed. So it does while the group's circuit is open, and when the budget is used up.

    Parameters
    ----------
    monotonic_seconds
        What pauses and lifetimes are measured on; tests pass their own.
    budget
        Shared by all who ask the venue from this address; one of this client's own by default.
    circuits
        Where the states of the circuit breakers are noted, under this process's name.
    """

    def __init__(
        self,
        access: VenueAccess,
        monotonic_seconds: Callable[[], float] = time.monotonic,
        budget: RequestBudget | None = None,
        circuits: CircuitJournal | None = None,
        process: str = "",
    ) -> None:
        self.access = access
        self.monotonic_seconds = monotonic_seconds
        self._budget = budget or LocalRequestBudget(monotonic_seconds)
        self._pool = ExchangePool(self._make_exchange, access.at_once)
        self._markets_lock = threading.RLock()
        self._markets_due = self._markets_read_at = 0.0
        self._stated: dict[str, list[RequestLimit]] = {}
        self._used_weight: tuple[float, float] | None = None
        self._notes = CircuitNotes(circuits, access.name, process)
        self._breakers = {group: self._breaker(group) for group in RequestGroup}

    def read(
        self,
        what: str,
        ask: Callable[[Any], T],
        translate: Callable[[Failure], PlatformError] = reading_failed,
        group: RequestGroup = RequestGroup.MARKET_DATA,
    ) -> T:
        """Ask something that changes nothing, a second time if the first failed quickly.

        Parameters
        ----------
        ask
            Given ccxt's exchange; a single request.
        translate
            Which error a failure is.
        """
        return self._read(what, ask, translate, group)

    def send(
        self,
        what: str,
        ask: Callable[[Any], T],
        translate: Callable[[Failure], PlatformError],
        *,
        reduces_risk: bool = False,
    ) -> T:
        """Ask something that may change something, once.

        Parameters
        ----------
        reduces_risk
            Exits and cancels are sent even while orders don't get through (I7).
        """
        timeout = self.access.send_timeout_seconds
        return self._ask(what, ask, translate, RequestGroup.ORDERS, timeout, always=reduces_risk)

    def markets(self) -> Mapping[str, Market]:
        """ccxt's markets per unified symbol, read again after an hour; the older ones serve while that fails."""
        with self._markets_lock:
            if self._pool.informed is None:
                self._load_markets()
            elif self.monotonic_seconds() > self._markets_due:
                try:
                    self._load_markets()
                except (RetryLater, FixSettings) as trouble:
                    log.warning("markets_not_refreshed", venue=self.access.name, why=str(trouble))
                    self._markets_due = self.monotonic_seconds() + _MARKETS_RETRY_SECONDS
            markets: Mapping[str, Market] = self._pool.informed.markets
            return markets

    def informed_exchange(self) -> Any:
        """ccxt's exchange that has read the markets, for others to take them from; raises as `markets` does."""
        with self._markets_lock:
            self.markets()
            return self._pool.informed

    def market(self, symbol: str) -> Market:
        """One market.

        Raises
        ------
        SymbolNotTraded
            If the venue doesn't list it.
        """
        market = self.markets().get(symbol)
        if market is None:
            raise SymbolNotTraded(
                f"{self.access.name} doesn't trade {symbol} on its spot market; market.symbols mustn't name it"
            )
        return market

    def about_exchange(self, ask: Callable[[Any], T]) -> T:
        """What ccxt itself knows of the venue: nothing is sent."""
        with self._pool.exchange() as exchange:
            return ask(exchange)

    def circuits(self) -> Mapping[RequestGroup, CircuitState]:
        """Which groups of endpoints are asked, and which are being left alone."""
        return {group: breaker.state for group, breaker in self._breakers.items()}

    def _load_markets(self) -> None:
        def load(exchange: Any) -> None:
            if not exchange.load_markets(True):
                raise MalformedAnswer(f"{self.access.name} listed no markets")
            self._stated = stated_limits(exchange.rate_limits or [])

        self._read("markets", load, reading_failed, RequestGroup.MARKET_DATA, loads_markets=True)
        self._markets_read_at = self.monotonic_seconds()
        self._markets_due = self._markets_read_at + MARKETS_LIFETIME_SECONDS

    def _read(
        self,
        what: str,
        ask: Callable[[Any], T],
        translate: Callable[[Failure], PlatformError],
        group: RequestGroup,
        *,
        loads_markets: bool = False,
    ) -> T:
        attempts = stamina.retry_context(
            on=_is_worth_repeating,
            attempts=_READ_ATTEMPTS,
            timeout=_REPEAT_WITHIN_SECONDS,
            wait_initial=_REPEAT_WAIT_SECONDS,
            wait_jitter=_REPEAT_WAIT_SECONDS,
        )
        for attempt in attempts:
            with attempt:
                timeout = self.access.read_timeout_seconds
                return self._ask(what, ask, translate, group, timeout, loads_markets=loads_markets)
        raise AssertionError("stamina always makes an attempt")

    def _ask(
        self,
        what: str,
        ask: Callable[[Any], T],
        translate: Callable[[Failure], PlatformError],
        group: RequestGroup,
        timeout_seconds: float,
        *,
        always: bool = False,
        loads_markets: bool = False,
    ) -> T:
        about, breaker = f"{self.access.name}, {what}", self._breakers[group]
        patience = self.access.read_timeout_seconds
        with (
            _admitted(breaker, about, patience, always=always),
            self._pool.exchange(loads_markets=loads_markets) as exchange,
        ):
            exchange.timeout = int(timeout_seconds * 1000)
            exchange.request_left, exchange.answer = False, None
            exchange.before_request = lambda request: self._take(about, group, exchange, request)
            failure = None
            try:
                answer = ask(exchange)
            except _CCXT_STUMBLES as error:
                failure = Failure.of(about, error, exchange.answer, exchange.request_left)
            self._listen(exchange.answer, failure)
            if failure is None:
                self._answered(group)
                return answer
            if failure.is_about_the_symbol:  # what was read of the markets is no longer so
                self._markets_due = min(self._markets_due, self._markets_read_at + _MARKETS_RETRY_SECONDS)
            # outside the except clause: ccxt's own message holds the signed URL, and must not be chained
            trouble = translate(replace(failure, message=self.access.without_secrets(failure.message)))
            if failure.is_silence:
                self._silent(group, trouble)
            elif failure.request_left:
                self._answered(group)
            raise trouble

    def _answered(self, group: RequestGroup) -> None:
        self._breakers[group].answered()
        self._notes.answered(group)

    def _silent(self, group: RequestGroup, trouble: PlatformError) -> None:
        pause = self._breakers[group].silent()
        if pause is not None:
            self._notes.opened(group, str(trouble), pause)

    def _take(self, about: str, group: RequestGroup, exchange: Any, request: OutgoingRequest) -> None:
        """Wait for the request's turn, or give it back."""
        access, now = self.access, self.monotonic_seconds()
        used, at = self._used_weight or (None, now)
        costs = charges(request, self._stated, pace(exchange.rateLimit), used, now - at)
        if self._stated:
            exchange.enableRateLimit = False  # ccxt's own guesses at the same limits
        deadline = time.monotonic() + LONGEST_WAIT_FOR_BUDGET_SECONDS
        while wait := self._budget.take(access.budget_name, costs, access.share_of(group)):
            if time.monotonic() + wait > deadline:
                raise WaitUntilAllowed(
                    f"{about}: not sent, {access.name} must be left alone for {wait:.0f} s more", wait
                )
            time.sleep(wait)

    def _listen(self, answer: HttpAnswer | None, failure: Failure | None) -> None:
        """Whoever goes on asking after a 429 is banned, for longer each time: all keep the silence asked for."""
        used = "" if answer is None else str(answer.headers.get(_USED_WEIGHT, ""))
        if used.isascii() and used.isdigit():
            self._used_weight = float(used), self.monotonic_seconds()
        seconds = None if failure is None else failure.silence_seconds
        if seconds is not None:
            log.warning("venue_wants_silence", venue=self.access.name, seconds=seconds)
            self._budget.silence(self.access.budget_name, seconds)

    @property
    def precision_is_step(self) -> bool:
        """Whether ccxt states this venue's precisions as steps, not as numbers of decimals."""
        return bool(self.about_exchange(lambda exchange: exchange.precisionMode == ccxt.TICK_SIZE))

    def _make_exchange(self) -> Any:
        return exact_exchange(self.access.exchange_id, self.access.config(), self.access.base_url)

    def _breaker(self, group: RequestGroup) -> CircuitBreaker:
        access = self.access
        return CircuitBreaker(
            f"{access.name}, {group}",
            access.failures_to_pause,
            _FIRST_PAUSE_SECONDS,
            access.longest_pause_seconds,
            self.monotonic_seconds,
        )


@contextmanager
def _admitted(breaker: CircuitBreaker, about: str, patience_seconds: float, *, always: bool) -> Iterator[None]:
    """Past the breaker, or not at all."""
    wait = breaker.admit(always=always, patience_seconds=patience_seconds)
    if wait > 0:
        raise WaitUntilAllowed(f"{about}: not sent, it hasn't answered lately; tried again in {wait:.1f} s", wait)
    try:
        yield
    finally:
        breaker.withdraw()  # changes nothing once the outcome has been told


def _is_worth_repeating(error: Exception) -> bool:
    """Only plain trouble: a venue that asked for silence gets it."""
    return type(error) is RetryLater
