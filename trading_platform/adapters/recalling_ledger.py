"""A ledger that remembers its answers until something is written, for a process that alone moves the account."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, cast

from trading_platform.ports.ledger import Ledger

_REMEMBERED = frozenset(
    {
        "account",
        "arming",
        "balance_differences",
        "closed_trades",
        "entry_signal",
        "equity_marks",
        "evaluated_through",
        "exit_legs",
        "halt_in_force",
        "last_closed_at",
        "open_positions",
        "open_signals",
        "order",
        "orders_of_signal",
        "unsettled_orders",
    }
)
_OTHER_QUESTIONS = frozenset(
    {
        "decisions_about",
        "entries_since",
        "equity_course",
        "equity_history",
        "fills_of",
        "halts",
        "known_trades",
        "known_transfers",
        "order_events",
        "orders_of_position",
        "position_entered_by",
        "recent_decisions",
        "recent_fills",
        "recent_orders",
        "recent_signals",
        "reservation",
        "signals_named",
        "transfers",
    }
)
# a write that is not named here may change any answer
_CHANGED_BY = {
    "mark_equity": {"equity_marks"},
    "mark_evaluated": {"evaluated_through"},
    "note_asked": {"order", "orders_of_signal", "unsettled_orders"},
    "record_decision": {"open_signals"},
    "record_equity": set[str](),
    "record_signals": {"open_signals"},
}


class RecallingLedger:
    """Stands before a ledger; `facing` gives it the role `Ledger`.

    One cycle asks for the account, its orders and its positions a dozen times and changes them seldom. What another
    process writes is seen when `forget` is called, and at the latest after this process's own next write: so it is for
    a stepped replay only, where nobody but the owner acts beside the process that steps.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._answers: dict[tuple[str, Hashable], Any] = {}

    @classmethod
    def facing(cls, ledger: Ledger) -> tuple[Ledger, Callable[[], None]]:
        """The ledger with a memory, and what makes it forget."""
        recalling = cls(ledger)
        return cast(Ledger, recalling), recalling.forget

    def forget(self) -> None:
        """Ask for everything anew."""
        self._answers.clear()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._ledger, name)
        if name in _REMEMBERED:
            method = partial(self._recall, name, method)
        elif name not in _OTHER_QUESTIONS:
            method = partial(self._write, name, method)
        self.__dict__[name] = method  # found at once the next time
        return method

    def _recall(self, name: str, ask: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        key = (name, (args, tuple(sorted(kwargs.items()))))
        if key not in self._answers:
            self._answers[key] = ask(*args, **kwargs)
        answer = self._answers[key]
        return answer.copy() if isinstance(answer, list | dict) else answer

    def _write(self, name: str, write: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return write(*args, **kwargs)
        finally:  # a write that was refused tells that the account isn't what it was
            changed = _CHANGED_BY.get(name, _REMEMBERED)
            self._answers = {key: answer for key, answer in self._answers.items() if key[0] not in changed}
