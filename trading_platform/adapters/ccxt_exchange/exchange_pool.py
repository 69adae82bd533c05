"""A few ccxt exchanges of one process: each does one thing at a time, and all know the same markets."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class ExchangePool:
    """Exchanges that are made when they are needed, in the process that uses them, and kept.

    Parameters
    ----------
    make
        Makes a ccxt exchange.
    size
        How many may be in use at once; who comes later waits.
    """

    def __init__(self, make: Callable[[], Any], size: int) -> None:
        self._make = make
        self._size = size
        self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._places = threading.BoundedSemaphore(self._size)
        self._idle: list[Any] = []
        self._informed: Any = None

    @property
    def informed(self) -> Any:
        """The exchange that has loaded the markets; None before one did."""
        self._leave_to_the_parent()
        return self._informed

    @contextmanager
    def exchange(self, *, loads_markets: bool = False) -> Iterator[Any]:
        """One exchange, for one use.

        Parameters
        ----------
        loads_markets
            From now on the others take the markets from this one. If that fails it is given up: its own are spoiled.
        """
        self._leave_to_the_parent()
        places = self._places
        with places:
            exchange = self._idle.pop() if self._idle else self._make()
            keep = True
            try:
                if loads_markets:
                    keep = False
                    yield exchange
                    keep, self._informed = True, exchange
                else:
                    self._inform(exchange)
                    yield exchange
            finally:
                if keep:
                    self._idle.append(exchange)

    def _leave_to_the_parent(self) -> None:
        """A forked child must not use its parent's connections and locks."""
        if self._process != os.getpid():
            self._reset()

    def _inform(self, exchange: Any) -> None:
        source = self._informed
        if source is not None and exchange.markets is not source.markets:
            exchange.set_markets_from_exchange(source)
            if "timeDifference" in source.options:
                exchange.options["timeDifference"] = source.options["timeDifference"]
