"""The platform's errors, named after what the caller should do.

::

    PlatformError
    ├── FixSettings            the owner mends a setting, flag or file
    │   ├── SymbolNotTraded    … which names a pair that the venue doesn't list (any more)
    │   └── RefusedByStore     … and these points are refused until then, others aren't
    ├── RetryLater             nothing happened; the same call may succeed later
    │   └── WaitUntilAllowed   … and not before ``retry_after_seconds`` have passed
    ├── AskTheVenue            the outcome is unknown; only the venue can tell (I4)
    ├── OrderRejected          the venue has refused; nothing was placed
    │   └── MarketClosed       … because nothing is traded just now: the same order may be taken later
    ├── OrderNotKnown          the venue knows no such order
    ├── RefuseTrade            a rule of ours says no; carries a reason code
    │   ├── InsufficientFree   … the account's free balance doesn't cover the reservation
    │   ├── AccountHalted      … the owner or a protection has pulled the kill switch
    │   └── NotArmed           … the account trades real money, and the owner hasn't permitted it
    ├── TransitionForbidden    that can't happen to an order of this status; nothing was written
    └── AlreadyDone            the ledger has this signal's leg; send nothing
"""

from __future__ import annotations


class PlatformError(Exception):
    """Base of every error that the platform raises on purpose."""


class FixSettings(PlatformError):
    """A setting, flag or file is wrong; the message says what, where and how to mend it."""


class SymbolNotTraded(FixSettings):
    """The venue knows no such pair (any more): take it out of the settings; nothing can be bought or sold there."""


class RefusedByStore(FixSettings):
    """A series store answers, and will not take these points, for instance because they are older than it keeps."""


class RetryLater(PlatformError):
    """The call had no effect and may be repeated at the next tick."""


class WaitUntilAllowed(RetryLater):
    """The venue asked for silence.

    Parameters
    ----------
    retry_after_seconds
        How long, as the venue said it.
    """

    def __init__(self, message: str, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class AskTheVenue(PlatformError):
    """The outcome of a request that may have changed something is unknown: ask by client order id."""


class OrderRejected(PlatformError):
    """The venue has definitely refused the order.

    Parameters
    ----------
    code
        The venue's own error code, as text.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class MarketClosed(OrderRejected):
    """The venue takes no orders of the symbol now; those that rest stay where they are, and can be cancelled."""


class OrderNotKnown(PlatformError):
    """The venue knows no order of that id (yet: a delayed request may still arrive, see I4)."""


class RefuseTrade(PlatformError):
    """A rule says no.

    Parameters
    ----------
    reason_code
        Value of :class:`trading_platform.domain.risk.ReasonCode`, recorded in the decision.
    """

    def __init__(self, reason_code: str, message: str) -> None:
        super().__init__(message)
        self.reason_code = reason_code


class InsufficientFree(RefuseTrade):
    """Free balance (total less reserved) doesn't cover what the order needs."""

    def __init__(self, message: str) -> None:
        super().__init__("insufficient_free_balance", message)


class AccountHalted(RefuseTrade):
    """The account is halted: nothing is bought until it is resumed."""

    def __init__(self, message: str) -> None:
        super().__init__("trading_halted", message)


class NotArmed(RefuseTrade):
    """Real money isn't spent without the owner's recorded permission."""

    def __init__(self, message: str) -> None:
        super().__init__("live_trading_not_armed", message)


class TransitionForbidden(PlatformError):
    """An event that can't happen to an order in its state: two of ours have come together, or one of us is wrong."""


class AlreadyDone(PlatformError):
    """This leg of this signal already has its order: a rerun must send nothing (I3)."""
