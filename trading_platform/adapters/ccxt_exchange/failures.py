"""What is known of a request that failed, and which of the platform's errors it therefore is.

ccxt's exception classes don't tell whether an order was placed, and depend on the URL and on earlier requests. So the
venue's own status and code are judged here, and anything that isn't certain is unknown (I4).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import ccxt

from trading_platform.adapters.ccxt_exchange.exact_exchange import HttpAnswer
from trading_platform.domain.errors import (
    AskTheVenue,
    FixSettings,
    MarketClosed,
    OrderNotKnown,
    OrderRejected,
    PlatformError,
    RetryLater,
    SymbolNotTraded,
    WaitUntilAllowed,
)
from trading_platform.ports.clock import WallClock

_TOO_MANY: Final = frozenset({418, 429})
_DEFAULT_WAIT_SECONDS: Final = {418: 120.0, 429: 30.0}
_RATE_LIMIT_CODE: Final = -1003
_UNKNOWN_ORDER: Final = -2013
_NOTHING_TO_CANCEL: Final = -2011
_BAD_KEY: Final = frozenset({-1002, -1022, -2014, -2015})
_BAD_INTERVAL: Final = -1120
_BAD_SYMBOL: Final = -1121
_REFUSED_LOCATION: Final = 451
_NOT_FOUND: Final = 404

# Codes by which Binance says that the order was looked at and refused, so certainly wasn't placed.
_REFUSALS: Final = frozenset(
    {-1013, -1021, -2010}
    | {-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1111, -1112}
    | {-1114, -1115, -1116, -1117, -1118, -1120, -1121, -1128, -1130, -1145, -1151}
)
# Under -2010 too, but it speaks of another request of the same id, which may have been placed.
_DUPLICATE: Final = "duplicate"
# Under -2010 or -1013: the symbol isn't trading.
_CLOSED: Final = "market is closed"

_SERVER_ERROR: Final = 500
_NO_PROPER_ANSWER: Final = (ccxt.BadResponse, ccxt.ExchangeNotAvailable, ccxt.RequestTimeout)

_LONGEST_MESSAGE: Final = 200
_MOST_DIGITS: Final = 15

LONGEST_SILENCE_SECONDS: Final = 3 * 86_400.0
"""The longest ban of an address that Binance states. Whoever asks for more has made a mistake, and the silence is kept
by all processes and across their restarts: it must end by itself."""


@dataclass(frozen=True)
class Failure:
    """A request that failed.

    Parameters
    ----------
    what
        Venue and call, for people; never a URL (it is signed).
    kind
        Class of the exception.
    request_left
        False if it failed before anything was sent.
    code, message
        The venue's own, if its answer held any.
    """

    what: str
    kind: type[Exception]
    request_left: bool
    status: int | None = None
    code: int | None = None
    message: str = ""
    retry_after_seconds: float | None = None

    @classmethod
    def of(cls, what: str, error: Exception, answer: HttpAnswer | None, request_left: bool) -> Failure:
        """Read what there is to know out of an exception and the answer, if one came."""
        if answer is None:
            return cls(what, type(error), request_left)
        code, message = _venue_error(answer.body)
        return cls(what, type(error), request_left, answer.status, code, message, retry_after_seconds(answer.headers))

    def __str__(self) -> str:
        said = [f"HTTP {self.status}"] if self.status else []
        said += [f"code {self.code}"] if self.code is not None else []
        said += [self.message] if self.message else []
        return f"{self.what}: {', '.join(said) or 'no answer'} ({self.kind.__name__})"

    @property
    def wait_seconds(self) -> float | None:
        """How long the venue wants silence, None if it doesn't."""
        if self.status in _TOO_MANY:
            return self.retry_after_seconds or _DEFAULT_WAIT_SECONDS[self.status]
        if self.code == _RATE_LIMIT_CODE and self.answered_by_refusal:
            return self.retry_after_seconds or _DEFAULT_WAIT_SECONDS[429]
        return None

    @property
    def silence_seconds(self) -> float | None:
        """The same, where other venues say it in their own ways: nothing to conclude from about an order."""
        if self.wait_seconds is None and _is_rate_limit(self):
            return self.retry_after_seconds or _DEFAULT_WAIT_SECONDS[429]
        return self.wait_seconds

    @property
    def answered_by_refusal(self) -> bool:
        """Whether the answer is a 4xx: from 5xx on, the venue doesn't know itself."""
        return self.status is not None and 400 <= self.status < 500

    @property
    def is_silence(self) -> bool:
        """Whether the venue didn't answer, or nothing that makes sense: a refusal is an answer."""
        if not self.request_left:
            return False
        return self.status is None or self.status >= _SERVER_ERROR or issubclass(self.kind, _NO_PROPER_ANSWER)

    @property
    def is_unreadable(self) -> bool:
        """Whether a proper answer held something that ccxt stumbled over."""
        return self.status is not None and self.status < 300 and not issubclass(self.kind, ccxt.BaseError)

    @property
    def is_about_the_key(self) -> bool:
        """Whether the venue doesn't accept the API key or its signature."""
        return self.answered_by_refusal and self.code in _BAD_KEY

    @property
    def is_about_the_symbol(self) -> bool:
        """Whether the venue lists no such pair, whatever it did when the markets were read."""
        return self.answered_by_refusal and self.code == _BAD_SYMBOL

    @property
    def is_definite_refusal(self) -> bool:
        """Whether the venue certainly placed nothing."""
        return self.answered_by_refusal and self.code in _REFUSALS and not self.message.lower().startswith(_DUPLICATE)


class MalformedAnswer(RetryLater):
    """An answer arrived that isn't what was asked for."""


class NotOffered(RetryLater):
    """The venue has no such endpoint, as a testnet has none about money."""


def wallet_reading_failed(failure: Failure) -> PlatformError:
    """Error of asking what came, went, and what the key may do: not every venue has that to tell."""
    if failure.status == _NOT_FOUND and failure.code is None:
        return NotOffered(str(failure))
    return reading_failed(failure)


def reading_failed(failure: Failure) -> PlatformError:
    """Error of a request that changes nothing."""
    if failure.silence_seconds is not None:
        return WaitUntilAllowed(str(failure), failure.silence_seconds)
    if failure.is_about_the_key or _lacks_key(failure):
        return FixSettings(f"{failure}; check the API key, its permissions and its allowed addresses")
    if failure.is_about_the_symbol:
        return SymbolNotTraded(f"{failure}; market.symbols mustn't name it")
    if failure.code == _BAD_INTERVAL or issubclass(failure.kind, (ccxt.BadSymbol, ccxt.NotSupported)):
        return FixSettings(f"{failure}; check market.symbols, market.intervals and venue.name")
    if failure.status == _REFUSED_LOCATION:
        return FixSettings(f"{failure}; the venue serves nobody at this location: choose another venue.name")
    return RetryLater(str(failure))


def listing_failed(failure: Failure) -> PlatformError:
    """Error of asking about several at once: one of them may be what can't be read, and the others are fine."""
    return MalformedAnswer(str(failure)) if failure.is_unreadable else reading_failed(failure)


def finding_failed(failure: Failure) -> PlatformError:
    """Error of asking for one order."""
    if failure.answered_by_refusal and failure.code == _UNKNOWN_ORDER:
        return OrderNotKnown(str(failure))
    return reading_failed(failure)


def submitting_failed(failure: Failure) -> PlatformError:
    """Error of placing an order: unknown, unless the venue's answer is on the list of definite ones."""
    if not failure.request_left:
        return reading_failed(failure)
    if failure.wait_seconds is not None:
        return WaitUntilAllowed(str(failure), failure.wait_seconds)
    if failure.is_about_the_key:
        return FixSettings(f"{failure}; check the API key, its permissions and its allowed addresses")
    if failure.is_definite_refusal:
        refused = MarketClosed if failure.message.lower().startswith(_CLOSED) else OrderRejected
        return refused(str(failure), str(failure.code))
    return AskTheVenue(str(failure))


def cancelling_failed(failure: Failure) -> PlatformError:
    """Error of cancelling an order."""
    if failure.answered_by_refusal and failure.code == _NOTHING_TO_CANCEL:
        return OrderNotKnown(str(failure))
    error = submitting_failed(failure)
    return AskTheVenue(str(failure)) if isinstance(error, OrderRejected) else error


def _venue_error(body: str) -> tuple[int | None, str]:
    """Code and message of ``{"code": -1013, "msg": "…"}``; nothing from any other body."""
    try:
        answer = json.loads(body)
    except ValueError:
        return None, ""
    if not isinstance(answer, dict):
        return None, ""
    code, message = answer.get("code"), answer.get("msg")
    return (code if type(code) is int else None), (message[:_LONGEST_MESSAGE] if isinstance(message, str) else "")


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, at most `LONGEST_SILENCE_SECONDS`; None without one that can be read.

    Its other form, a date, comes from what stands before an exchange (a proxy, a firewall). It is of the server's
    clock, which the answer's own Date tells.
    """
    header = headers.get("Retry-After", "").strip()
    if header.isascii() and header.isdigit():
        return min(float(header[:_MOST_DIGITS]), LONGEST_SILENCE_SECONDS)
    until, now = _http_date(header), _http_date(headers.get("Date", "")) or WallClock().wall()
    return None if until is None else min(max((until - now).total_seconds(), 1.0), LONGEST_SILENCE_SECONDS)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _lacks_key(failure: Failure) -> bool:
    return failure.code is None and issubclass(failure.kind, ccxt.AuthenticationError)


def _is_rate_limit(failure: Failure) -> bool:
    return failure.code is None and issubclass(failure.kind, (ccxt.RateLimitExceeded, ccxt.DDoSProtection))
