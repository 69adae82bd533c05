"""Writing down what was decided about a signal, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Leg, Signal
from trading_platform.ports.ledger import Decision
from trading_platform.services.known_time import known_time
from trading_platform.services.trading_desk import TradingDesk


class PutOff(Exception):
    """An entry can't be made now, and may be later while its signal is valid."""

    def __init__(self, reason: ReasonCode, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def decision(
    desk: TradingDesk,
    signal: Signal,
    leg: Leg,
    reason: ReasonCode,
    message: str,
    *,
    is_final: bool = True,
    details: Mapping[str, Any] | None = None,
) -> Decision:
    """A decision of now, with the run and the settings that made it; an exit's doesn't wait for the venue's time."""
    now = known_time(desk.ledger, desk.clock, desk.account)
    return Decision(
        account=desk.account,
        signal_id=signal.signal_id,
        leg=str(leg),
        reason=reason,
        message=message,
        is_final=is_final,
        decided_at=now.wall,
        venue_time=now.now,
        details={"run_id": desk.run_id, "settings": desk.settings.fingerprint(), **(details or {})},
    )


def refuse(
    desk: TradingDesk,
    signal: Signal,
    leg: Leg,
    reason: ReasonCode,
    message: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Record that the signal is done with, and why nothing was sent."""
    desk.ledger.record_decision(decision(desk, signal, leg, reason, message, details=details))


def put_off(
    desk: TradingDesk,
    signal: Signal,
    leg: Leg,
    reason: ReasonCode,
    message: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Record why nothing was sent yet; the signal stays open."""
    desk.ledger.record_decision(decision(desk, signal, leg, reason, message, is_final=False, details=details))
