"""Waiting for several answers at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def side_by_side(work: Callable[[S], T], items: Iterable[S], at_once: int) -> list[T]:
    """The work done on every item, in their order; at most so many at the same time.

    An exception of one item is raised when the others that have begun are through.
    """
    if at_once == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(at_once, thread_name_prefix="side-by-side") as pool:
        return list(pool.map(work, items))
