"""A run may be killed before any call while it places, replaces or takes back stops: the next makes it good, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from trading_platform.domain.order import Order, OrderKind
from trading_platform.domain.strategies.base import Direction
from trading_platform.services.protection_work import NEAR_LOOK_SECONDS
from trading_platform.services.refresh_market import refresh_candles, refresh_tickers
from trading_platform.services.trade import trade
from trading_platform_tests.faults.mortality import Killed, Life, mortal
from trading_platform_tests.support.examples import ACCOUNT, MINUTE, SYMBOL
from trading_platform_tests.support.plain_settings import plain_settings
from trading_platform_tests.support.simulated import SimulatedExchange
from trading_platform_tests.support.trading_floor import TradingFloor, floor_settings

pytestmark = pytest.mark.integration

_TWO_MINUTES = 120
_ENDLESS = 10_000
_MOMENT = timedelta(milliseconds=1)
_FIXED = {"trailing": False, "max_holding_seconds": 0, "look_seconds": 300}
_CLOSE_TO_THE_PRICE = {**_FIXED, "stop": "percent", "stop_percent": "0.4", "target": "percent", "target_percent": "0.3"}
_RAISED = {**_FIXED, "trailing": True, "trailing_activation_percent": 0, "trailing_distance_percent": "1.5"}


@pytest.fixture
def floor(database_url: str, venue: SimulatedExchange) -> TradingFloor:
    """A desk whose positions have stops."""
    return TradingFloor(floor_settings(database_url, venue, _FIXED), venue)


def _ruled(floor: TradingFloor, rules: dict[str, Any]) -> None:
    floor.settings = floor.settings.model_copy(update={"protection": plain_settings(protection=rules).protection})


def _killed_at_every_call(
    floor: TradingFloor,
    since: str,
    prepare: Callable[[int], None],
    check: Callable[[], None],
    rules: dict[str, Any] = _FIXED,
) -> Iterator[str]:
    """Prepare, kill a run before each of its calls from the first `since` on, and let the next runs recover.

    What comes before is the same in every run, and killed in the tests of entries and exits. `rules` are in force from
    the killed run on.

    Yields
    ------
    str
        Where it was killed.
    """
    first = None
    for number in count(1):
        seconds = _TWO_MINUTES * number
        _ruled(floor, _FIXED)
        prepare(seconds)
        _ruled(floor, rules)
        life = Life(_ENDLESS if first is None else first + number - 2)
        try:
            trade(mortal(floor.desk(), life))
        except Killed:
            floor.clock.forward(NEAR_LOOK_SECONDS)  # a stop that may rise is looked at no sooner
            floor.trade_until_quiet()
            yield life.last_words
        else:
            if first is not None:
                return
            first = life.calls.index(since)
        floor.assert_books_agree()
        check()
        floor.close_everything(seconds + 90)
        floor.assert_books_agree()


def _buy(floor: TradingFloor, seconds: int) -> None:
    floor.says(seconds)
    floor.trade_until_quiet()
    [position] = floor.platform.ledger.open_positions(ACCOUNT)
    assert position.symbol == SYMBOL


def _stops(floor: TradingFloor) -> list[str]:
    resting = floor.platform.ledger.unsettled_orders(ACCOUNT)
    return [order.leg for order in resting if order.kind is OrderKind.STOP_LOSS]


def test_whatever_was_bought_has_one_stop_and_one_target(floor: TradingFloor) -> None:
    floor.trade_until_quiet()

    def is_protected() -> None:
        held = floor.platform.ledger.open_positions(ACCOUNT)
        resting = floor.platform.ledger.unsettled_orders(ACCOUNT)
        assert [order.kind for order in resting].count(OrderKind.STOP_LOSS) == len(held) <= 1
        assert len(resting) == 2 * len(held)

    deaths = list(_killed_at_every_call(floor, "PostgresLedger.book", lambda at: _says(floor, at), is_protected))
    walked = ("PostgresLedger.reserve_list", "PostgresLedger.mark_submitted", "CcxtBroker.submit_list")
    assert set(walked) <= set(deaths)


def test_an_exit_takes_the_list_back_and_sells_once(floor: TradingFloor) -> None:
    floor.trade_until_quiet()

    def prepare(seconds: int) -> None:
        _buy(floor, seconds)
        floor.says(seconds + 60, Direction.SHORT)

    def is_sold() -> None:
        assert floor.platform.ledger.open_positions(ACCOUNT) == []
        assert floor.platform.ledger.unsettled_orders(ACCOUNT) == []

    deaths = list(_killed_at_every_call(floor, "PostgresLedger.request_cancel", prepare, is_sold))
    walked = ("PostgresLedger.request_cancel", "CcxtBroker.cancel_list", "PostgresLedger.book", "CcxtBroker.submit")
    assert set(walked) <= set(deaths)


def test_a_stop_is_raised_without_being_lost(floor: TradingFloor) -> None:
    floor.trade_until_quiet()

    def is_raised() -> None:
        ledger = floor.platform.ledger
        [stop] = _stops(floor)
        [position] = ledger.open_positions(ACCOUNT)
        assert stop != "stop"
        entry = ledger.entry_signal(position)
        assert entry is not None
        prices = [o.stop_price for o in ledger.orders_of_signal(ACCOUNT, entry.signal_id) if o.stop_price is not None]
        assert prices == sorted(prices)
        assert max(prices) > min(prices)

    rules = {**_RAISED, "trailing_step_percent": "0.01"}

    def prepare(seconds: int) -> None:
        _buy(floor, seconds)
        _show_a_higher_price(floor)

    deaths = list(_killed_at_every_call(floor, "PostgresLedger.request_cancel", prepare, is_raised, rules))
    walked = ("CcxtBroker.cancel_list", "PostgresLedger.reserve_list", "CcxtBroker.submit_list", "PostgresLedger.book")
    assert set(walked) <= set(deaths)


def test_a_stop_or_target_that_was_hit_is_booked_once(database_url: str, venue: SimulatedExchange) -> None:
    floor = TradingFloor(floor_settings(database_url, venue, _CLOSE_TO_THE_PRICE), venue)
    floor.trade_until_quiet()
    deaths: list[str] = []
    first = None
    for number in count(1):
        _buy(floor, _TWO_MINUTES * number)
        resting = floor.platform.ledger.unsettled_orders(ACCOUNT)
        _let_the_market_move(floor, resting[0].client_order_id)
        life = Life(_ENDLESS if first is None else first + number - 2)
        try:
            trade(mortal(floor.desk(), life))
        except Killed:
            deaths.append(life.last_words)
            floor.clock.forward(301)
            floor.trade_until_quiet()
        else:
            if first is not None:
                break
            first = life.calls.index("CcxtBroker.open_orders")
        floor.assert_books_agree()
        assert floor.platform.ledger.open_positions(ACCOUNT) == []
        filled = [order for order in _now(floor, resting) if order.filled_quantity == order.quantity]
        assert len(filled) == 1
    assert {"CcxtBroker.open_orders", "CcxtBroker.find", "PostgresLedger.book"} <= set(deaths)


def _now(floor: TradingFloor, orders: Sequence[Order]) -> list[Order]:
    found = [floor.platform.ledger.order(order.client_order_id) for order in orders]
    return [order for order in found if order is not None]


def _says(floor: TradingFloor, seconds: int) -> None:
    floor.says(seconds)


def _show_a_higher_price(floor: TradingFloor) -> None:
    """By one percent: the stop that follows it still lies below the market, which stands still."""
    store, now = floor.platform.store, floor.clock.read()
    ticker = store.tickers([SYMBOL])[SYMBOL]
    entry = floor.platform.ledger.open_positions(ACCOUNT)[0].average_price
    assert entry is not None
    shown = replace(ticker, last=entry * Decimal("1.01"), venue_time=now.now + _MOMENT, received_at=now.wall)
    store.write_tickers([shown])


def _let_the_market_move(floor: TradingFloor, client_order_id: str) -> None:
    """Step the market until that stop or its target has filled, with the newest data in the store."""
    for _ in range(500):
        position = floor.platform.simulator.position()
        floor.platform.simulator.step(position.now)
        still_open = {o.client_order_id for o in floor.venue_orders() if o.status.is_open}
        if client_order_id not in still_open:
            break
    else:
        raise AssertionError("neither was reached in 500 minutes")
    platform, market = floor.platform, floor.settings.market
    refresh_candles(platform.feed, platform.store, floor.clock, market.symbols, [MINUTE], market.history_candles)
    refresh_tickers(platform.feed, platform.store, platform.clock, market.symbols)
