"""The part of the ledger that is said about an account: halts, marks, transfers, permissions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Engine

from trading_platform.adapters.postgres.engine import reading, transaction
from trading_platform.adapters.postgres.ledger import armings, halts, marks, transfers
from trading_platform.domain.arming import Arming
from trading_platform.domain.equity_marks import EquityMarks
from trading_platform.domain.halt import Halt
from trading_platform.domain.transfer import BalanceDifference, Transfer


class PostgresAccountControl:
    """Fills the role `AccountControl`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def halt(self, halt: Halt) -> Halt:
        """Halt the account; the halt in force."""
        with transaction(self._engine) as connection:
            return halts.halt(connection, halt)

    def resume(self, account: str, *, by: str, reason: str, at: datetime, venue_time: datetime) -> Halt | None:
        """End the halt; None if there was none."""
        with transaction(self._engine) as connection:
            return halts.resume(connection, account, by=by, reason=reason, at=at, venue_time=venue_time)

    def halt_in_force(self, account: str) -> Halt | None:
        """The halt that isn't ended."""
        with reading(self._engine) as connection:
            return halts.in_force(connection, account)

    def halts(self, account: str, limit: int) -> list[Halt]:
        """Newest first."""
        with reading(self._engine) as connection:
            return halts.newest(connection, account, limit)

    def equity_marks(self, account: str) -> EquityMarks | None:
        """The marks."""
        with reading(self._engine) as connection:
            return marks.read(connection, account)

    def entries_since(self, account: str, since: datetime) -> list[datetime]:
        """Venue times of the entries approved after `since`."""
        with reading(self._engine) as connection:
            return marks.entries_since(connection, account, since)

    def transfers(self, account: str, limit: int) -> list[Transfer]:
        """Newest first."""
        with reading(self._engine) as connection:
            return transfers.newest(connection, account, limit)

    def known_transfers(self, account: str, venue_ids: Collection[str]) -> frozenset[str]:
        """Those of the venue's ids that the ledger has."""
        with reading(self._engine) as connection:
            return transfers.known_transfers(connection, account, venue_ids)

    def known_trades(self, account: str, symbol: str, venue_trade_ids: Collection[str]) -> frozenset[str]:
        """Those of the venue's trade ids that are booked."""
        with reading(self._engine) as connection:
            return transfers.known_trades(connection, account, symbol, venue_trade_ids)

    def record_differences(self, account: str, differences: Sequence[BalanceDifference]) -> None:
        """Replace what is known of differences with the venue."""
        with transaction(self._engine) as connection:
            transfers.record_differences(connection, account, differences)

    def balance_differences(self, account: str) -> list[BalanceDifference]:
        """Differences that stand."""
        with reading(self._engine) as connection:
            return transfers.balance_differences(connection, account)

    def arm(self, arming: Arming) -> None:
        """Permit the account to trade real money."""
        with transaction(self._engine) as connection:
            armings.arm(connection, arming)

    def disarm(self, account: str, at: datetime) -> bool:
        """Withdraw the permission."""
        with transaction(self._engine) as connection:
            return armings.disarm(connection, account, at)

    def arming(self, account: str) -> Arming | None:
        """The permission in force."""
        with reading(self._engine) as connection:
            return armings.in_force(connection, account)
