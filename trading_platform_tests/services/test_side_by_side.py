"""Answers come in the order of the questions, however long each takes."""

from __future__ import annotations

import threading

import pytest

from trading_platform.domain.errors import RetryLater
from trading_platform.services.side_by_side import side_by_side


@pytest.mark.parametrize("at_once", [1, 4])
def test_results_keep_the_order(at_once: int) -> None:
    assert side_by_side(lambda number: number * number, range(20), at_once) == [number**2 for number in range(20)]


def test_so_many_work_at_the_same_time() -> None:
    together = threading.Barrier(4)
    assert side_by_side(lambda _: together.wait(10) >= 0, range(8), 4) == [True] * 8


@pytest.mark.parametrize("at_once", [1, 4])
def test_an_exception_is_raised(at_once: int) -> None:
    def work(number: int) -> int:
        if number == 3:
            raise RetryLater("not this one")
        return number

    with pytest.raises(RetryLater, match="not this one"):
        side_by_side(work, range(5), at_once)
