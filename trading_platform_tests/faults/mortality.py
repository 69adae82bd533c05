"""Desks whose ports end the run before the n-th call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from trading_platform.services.trading_desk import TradingDesk


class Killed(BaseException):
    """What no handler of the platform may catch."""


class Life:
    """Ends before the n-th call of any port."""

    def __init__(self, calls: int) -> None:
        self._left = calls
        self.last_words = ""
        self.calls: list[str] = []

    def spend(self, call: str) -> None:
        self.calls.append(call)
        self._left -= 1
        if self._left < 0:
            self.last_words = call
            raise Killed(call)


class Mortal:
    """A port whose calls cost life."""

    def __init__(self, port: object, life: Life) -> None:
        self._port, self._life = port, life

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*arguments: Any, **more: Any) -> Any:
            self._life.spend(f"{type(self._port).__name__}.{name}")
            return method(*arguments, **more)

        return call


def mortal(desk: TradingDesk, life: Life) -> TradingDesk:
    """The desk with ports that spend `life`."""
    ports = {name: cast(Any, Mortal(getattr(desk, name), life)) for name in ("ledger", "broker", "store", "journal")}
    return replace(desk, **ports)
