"""A position without its stop reaches the owner, whatever keeps it from one (I6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from trading_platform.domain.errors import AskTheVenue, FixSettings, PlatformError, WaitUntilAllowed
from trading_platform.domain.order import OrderListRequest, OrderReport, OrderRequest, Side
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.strategies.base import Direction
from trading_platform.services.trade import work_waiting
from trading_platform.services.watch_protection import ProtectionWatch
from trading_platform_tests.fakes import FakeBroker
from trading_platform_tests.fakes.broker import Misbehaviour
from trading_platform_tests.services.workplace import CLOSE, QUICK, Workplace
from trading_platform_tests.support.examples import ACCOUNT, SYMBOL
from trading_platform_tests.support.plain_settings import plain_settings

PATIENCE = 60.0


class _TakesNoStop(FakeBroker):
    """A venue that sells nothing for us, and says so in a way of its own."""

    trouble: Callable[[], PlatformError] | None = None

    def submit(self, request: OrderRequest) -> OrderReport:
        if self.trouble and request.side is Side.SELL:
            raise self.trouble()
        return super().submit(request)

    def submit_list(self, request: OrderListRequest) -> Sequence[OrderReport]:
        if self.trouble:
            raise self.trouble()
        return super().submit_list(request)


def _place(**protection: Any) -> Workplace:
    settings = plain_settings(**{**QUICK, "protection": {"trailing": False, **protection}})
    return Workplace(settings=settings, broker_type=_TakesNoStop)


def _buy(place: Workplace, trouble: Callable[[], PlatformError] | None) -> None:
    place.broker.trouble = trouble  # type: ignore[attr-defined]
    place.says()
    _trade(place)


def _trade(place: Workplace) -> None:
    with suppress(FixSettings):
        place.trade()


def _watch(place: Workplace, watch: ProtectionWatch, seconds: int) -> tuple[str, ...]:
    told: tuple[str, ...] = ()
    for _ in range(seconds // 10):
        place.later(10)
        _trade(place)
        told = watch.look(place.ledger, place.journal, place.clock, place.settings)
    return told


@pytest.mark.parametrize(
    "trouble",
    [
        lambda: FixSettings("code -2015, invalid permissions for action"),
        lambda: WaitUntilAllowed("told to wait", 5),
        lambda: AskTheVenue("no answer"),
    ],
    ids=["the key may not", "429", "lost"],
)
def test_a_stop_that_never_rests_is_told_once_and_so_is_its_end(trouble: Callable[[], PlatformError]) -> None:
    place, watch = _place(), ProtectionWatch(PATIENCE)
    _buy(place, trouble)
    assert _watch(place, watch, 60) == ()
    assert _watch(place, watch, 300) == (SYMBOL,)
    [incident] = place.journal.open_incidents()
    assert incident.key == f"protection {SYMBOL}"

    place.broker.trouble = None  # type: ignore[attr-defined]
    assert _watch(place, watch, 600) == ()
    assert [message.title for message in place.journal.undelivered(9)] == [f"No stop for {SYMBOL}", f"{SYMBOL} is safe"]


def test_a_position_whose_stop_rests_is_nothing_to_tell() -> None:
    place, watch = _place(), ProtectionWatch(PATIENCE)
    _buy(place, None)
    assert _watch(place, watch, 120) == ()
    assert place.journal.undelivered(9) == []


def test_without_protection_there_is_nothing_to_miss() -> None:
    place, watch = _place(enabled=False), ProtectionWatch(PATIENCE)
    _buy(place, None)
    assert _watch(place, watch, 120) == ()
    assert place.journal.undelivered(9) == []


def test_the_message_says_what_became_of_the_newest_stop() -> None:
    place, watch = _place(), ProtectionWatch(PATIENCE)
    _buy(place, lambda: FixSettings("code -2015, invalid permissions for action"))
    _watch(place, watch, 120)
    assert "-2015" in place.journal.undelivered(9)[0].body


def _half_an_hour(place: Workplace, watch: ProtectionWatch) -> list[str]:
    """Titles of all messages, while trade runs are asked for as the sensor does, and the watcher looks every 5 s."""
    for _ in range(30 * 12):
        place.later(5)
        if work_waiting(place.ledger, place.store, place.clock, place.settings):
            place.trade()
        watch.look(place.ledger, place.journal, place.clock, place.settings)
    return [message.title for message in place.journal.undelivered(500)]


def test_what_is_left_of_a_position_that_was_moved_away_misses_no_stop() -> None:
    place, watch = _place(), ProtectionWatch(PATIENCE)
    _buy(place, None)
    for order in place.ledger.unsettled_orders(ACCOUNT):  # the owner, at the venue
        with suppress(PlatformError):
            place.broker.cancel(order.symbol, order.client_order_id)
    place.broker.move(BTC=Decimal("0.00006") - place.broker.balances()["BTC"].total)
    told = _half_an_hour(place, watch)
    assert not [title for title in told if "stop" in title]
    assert len(told) <= 2


def test_a_cancel_that_never_arrived_leaves_the_stop_on_guard_though_the_market_closes() -> None:
    place, watch = _place(), ProtectionWatch(PATIENCE)
    _buy(place, None)
    place.later(60)
    place.says(CLOSE + 1, Direction.SHORT)
    place.broker.misbehave_at_cancels(Misbehaviour(lose_answer=True, never_arrives=True))
    place.trade()
    place.broker.closed.add(SYMBOL)

    told = _half_an_hour(place, watch)
    assert told in ([], [f"No stop for {SYMBOL}", f"{SYMBOL} is safe"])
    assert {order.is_on_guard for order in place.ledger.unsettled_orders(ACCOUNT)} == {True}

    said = place.says(CLOSE + 31, symbol="ETH/USDT")
    place.trade()
    assert ReasonCode.APPROVED in place.reasons(said)  # balances are compared beside it
