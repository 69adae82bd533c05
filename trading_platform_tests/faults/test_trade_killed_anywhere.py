"""A trade run may be killed before any of its calls to the outside: what it left is made good, once (I3, I4, I5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from trading_platform.domain.strategies.base import Direction
from trading_platform.services.trade import trade
from trading_platform_tests.faults.mortality import Killed, Life, mortal
from trading_platform_tests.support.examples import ACCOUNT, SYMBOL
from trading_platform_tests.support.trading_floor import TradingFloor

pytestmark = pytest.mark.integration

_TWO_MINUTES = 120


def _killed_at_every_call(floor: TradingFloor, prepare: Callable[[int], None]) -> Iterator[str]:
    """Prepare, kill a run before its first call, its second …, and let the next runs recover; where it was killed."""
    for calls in count():
        seconds = _TWO_MINUTES * (calls + 1)
        prepare(seconds)
        life = Life(calls)
        try:
            trade(mortal(floor.desk(), life))
        except Killed:
            floor.trade_until_quiet()
            floor.assert_books_agree()
            yield life.last_words
            floor.close_everything(seconds + 90)
        else:
            return


def test_an_entry_killed_anywhere_is_made_at_most_once(floor: TradingFloor) -> None:
    floor.trade_until_quiet()

    def prepare(seconds: int) -> None:
        floor.says(seconds)

    deaths = []
    for died_before in _killed_at_every_call(floor, prepare):
        deaths.append(died_before)
        held = floor.platform.ledger.open_positions(ACCOUNT)
        assert len(held) <= 1
    floor.assert_books_agree()

    walked = ("PostgresLedger.reserve", "PostgresLedger.mark_submitted", "CcxtBroker.submit", "PostgresLedger.book")
    assert set(walked) <= set(deaths)


def test_an_exit_killed_anywhere_is_completed_once(floor: TradingFloor) -> None:
    floor.trade_until_quiet()

    def prepare(seconds: int) -> None:
        floor.says(seconds)
        floor.trade_until_quiet()
        [position] = floor.platform.ledger.open_positions(ACCOUNT)
        assert position.symbol == SYMBOL
        floor.says(seconds + 60, Direction.SHORT)

    deaths = []
    for died_before in _killed_at_every_call(floor, prepare):
        deaths.append(died_before)
        assert floor.platform.ledger.open_positions(ACCOUNT) == []

    walked = ("PostgresLedger.reserve", "PostgresLedger.mark_submitted", "CcxtBroker.submit", "PostgresLedger.book")
    assert set(walked) <= set(deaths)
