"""A trade run in a process of its own, started at the same moment as its rivals, past every lane of Dagster."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from multiprocessing.synchronize import Barrier
from typing import Any

from trading_platform.adapters.ccxt_exchange.broker import CcxtBroker
from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform.bootstrap import Platform
from trading_platform.domain.order import Order
from trading_platform.domain.signal import Signal
from trading_platform.ports.ledger import Decision
from trading_platform.services.trade import trade
from trading_platform.settings import Settings

PRELOADED = [__name__, CcxtBroker.__module__]
_PATIENCE_SECONDS = 60


class _Meeting:
    """A ledger whose first reservation waits until every rival is about to make its own, for another signal."""

    def __init__(self, ledger: PostgresLedger, number: int, rivals: Barrier) -> None:
        self._ledger, self._number, self._rivals = ledger, number, rivals
        self.was_held = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def open_signals(self, account: str) -> list[Signal]:
        signals = self._ledger.open_signals(account)
        own = self._number % max(len(signals), 1)
        return signals[own:] + signals[:own]

    def reconcile(self, *_: Any, **__: Any) -> bool:
        return True  # done before the race: rivals that reconcile at once put each other's entries off

    def reserve(self, order: Order, decision: Decision, *, replaces: str | None = None) -> None:
        if not self.was_held:
            self._rivals.wait(_PATIENCE_SECONDS)
            self.was_held = True
        self._ledger.reserve(order, decision, replaces=replaces)


def run_one(settings: Settings, number: int, fraction: Decimal, rivals: Barrier) -> None:
    """Trade with that fraction of the equity per entry, sized before any rival has reserved anything."""
    risk = settings.risk.model_copy(update={"fraction_of_equity": fraction})
    platform = Platform(settings.model_copy(update={"risk": risk}))
    ledger = platform.ledger
    assert isinstance(ledger, PostgresLedger)
    meeting = _Meeting(ledger, number, rivals)
    trade(replace(platform.desk(f"fraction {fraction}"), ledger=meeting))
