"""The last answers of a remote store, each with the number of the last write that it is certain to contain."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class Recollection(Generic[Key, Answer]):
    """Answers by key; the one given longest ago goes first.

    Parameters
    ----------
    most
        Answers kept.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._answers: dict[Key, tuple[int, Answer]] = {}

    def keep(self, key: Key, number: int, answer: Answer) -> None:
        """Remember it instead of the one before.

        Parameters
        ----------
        number
            The answer contains this write and all before it.
        """
        with self._lock:
            self._answers.pop(key, None)
            self._answers[key] = number, answer
            if len(self._answers) > self._most:
                del self._answers[next(iter(self._answers))]

    def get(self, key: Key) -> tuple[int, Answer] | None:
        """Number and answer."""
        with self._lock:
            return self._answers.get(key)
