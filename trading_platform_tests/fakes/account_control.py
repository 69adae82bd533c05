"""The part of the ledger in memory that is said about an account."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from trading_platform.domain.arming import Arming
from trading_platform.domain.equity_marks import EquityMarks
from trading_platform.domain.errors import AccountHalted, NotArmed
from trading_platform.domain.halt import Halt
from trading_platform.domain.transfer import BalanceDifference, Transfer
from trading_platform.ports.ledger import EquityPoint


class FakeAccountControl:
    """Fills the role `AccountControl`, over the books of the ledger that it is a part of."""

    _lock: threading.RLock

    def __init__(self) -> None:
        self._numbers = count(1)
        self._halts: dict[str, list[Halt]] = defaultdict(list)
        self._marks: dict[str, EquityMarks | None] = {}
        self._transfers: dict[str, list[Transfer]] = defaultdict(list)
        self._differences: dict[str, dict[str, BalanceDifference]] = defaultdict(dict)
        self._armings: dict[str, Arming] = {}

    def halt(self, halt: Halt) -> Halt:
        """Halt the account; the halt in force."""
        with self._lock:
            self._change(halt.account)
            known = self.halt_in_force(halt.account)
            if known is None:
                self._halts[halt.account].append(replace(halt, number=next(self._numbers)))
            elif halt.flatten:
                self._halts[halt.account][-1] = replace(known, flatten=True)
            return self._halts[halt.account][-1]

    def resume(self, account: str, *, by: str, reason: str, at: datetime, venue_time: datetime) -> Halt | None:
        """End the halt; None if there was none."""
        with self._lock:
            self._change(account)
            known = self.halt_in_force(account)
            if known is None:
                return None
            ended = replace(known, resumed_at=at, resumed_venue_time=venue_time, resumed_by=by, resume_reason=reason)
            self._halts[account][-1] = ended
            marks = self._marks.get(account)
            self._marks[account] = marks and marks.after_resume()
            return ended

    def halt_in_force(self, account: str) -> Halt | None:
        """The halt that isn't ended."""
        with self._lock:
            self._answer()
            halts = self._halts[account]
            return halts[-1] if halts and halts[-1].resumed_at is None else None

    def halts(self, account: str, limit: int) -> list[Halt]:
        """Newest first."""
        self._answer()
        return self._halts[account][::-1][:limit]

    def equity_marks(self, account: str) -> EquityMarks | None:
        """The marks."""
        self._answer()
        return self._marks.get(account)

    def mark_equity(self, point: EquityPoint, *, at_revision: int) -> EquityMarks | None:
        """Move the account's marks on by a valuation of that revision; the marks afterwards."""
        with self._lock:
            known = self._marks.get(point.account)
            if self._revision(point.account) == at_revision:
                equity, at = point.equity_quote, point.venue_time
                moved = EquityMarks.beginning(equity, at) if known is None else known.after(equity, at)
                self._marks[point.account] = moved
            return self._marks.get(point.account)

    def entries_since(self, account: str, since: datetime) -> list[datetime]:
        """Venue times of the entries approved after `since`."""
        with self._lock:
            self._answer()
            return sorted(at for at in self._approved_entries(account) if at > since)

    def transfers(self, account: str, limit: int) -> list[Transfer]:
        """Newest first."""
        self._answer()
        return self._transfers[account][::-1][:limit]

    def known_transfers(self, account: str, venue_ids: Collection[str]) -> frozenset[str]:
        """Those of the venue's ids that the ledger has."""
        self._answer()
        return frozenset(venue_ids) & {transfer.venue_id for transfer in self._transfers[account]}

    def known_trades(self, account: str, symbol: str, venue_trade_ids: Collection[str]) -> frozenset[str]:
        """Those of the venue's trade ids that are booked."""
        return frozenset(venue_trade_ids) & self._booked_trades(account, symbol)

    def record_differences(self, account: str, differences: Sequence[BalanceDifference]) -> None:
        """Replace what is known of differences with the venue."""
        with self._lock:
            self._answer()
            standing = self._differences[account]
            self._differences[account] = {
                each.asset: replace(each, found_at=standing.get(each.asset, each).found_at) for each in differences
            }

    def balance_differences(self, account: str) -> list[BalanceDifference]:
        """Differences that stand."""
        self._answer()
        return [each for _, each in sorted(self._differences[account].items())]

    def arm(self, arming: Arming) -> None:
        """Permit the account to trade real money."""
        with self._lock:
            self._change(arming.account)
            self._armings[arming.account] = arming

    def disarm(self, account: str, at: datetime) -> bool:
        """Withdraw the permission."""
        self._answer()
        return self._armings.pop(account, None) is not None

    def arming(self, account: str) -> Arming | None:
        """The permission in force."""
        self._answer()
        return self._armings.get(account)

    def _book_transfers(self, account: str, transfers: Sequence[Transfer]) -> None:
        for transfer in transfers:
            if transfer.venue_id and self.known_transfers(account, [transfer.venue_id]):
                continue
            self._transfers[account].append(transfer)
            marks = self._marks.get(account)
            if marks and transfer.amount_quote is not None and transfer.equity_before_quote is not None:
                self._marks[account] = marks.after_transfer(transfer.equity_before_quote, transfer.amount_quote)

    def _refuse_while_halted(self, account: str) -> None:
        halt = self.halt_in_force(account)
        if halt is not None:
            raise AccountHalted(halt.told)

    def _refuse_while_unarmed(self, account: str, mode: str) -> None:
        if mode == "live" and account not in self._armings:
            raise NotArmed(f"{account} isn't armed")

    @abstractmethod
    def _answer(self) -> None: ...

    @abstractmethod
    def _change(self, account: str) -> None: ...

    @abstractmethod
    def _revision(self, account: str) -> int: ...

    @abstractmethod
    def _approved_entries(self, account: str) -> list[datetime]: ...

    @abstractmethod
    def _booked_trades(self, account: str, symbol: str) -> set[str]: ...
