"""Exits: no gate stands before them, and they are due until the position is closed (I7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from trading_platform.domain.attempts import LONGEST_WAIT_SECONDS
from trading_platform.domain.errors import FixSettings, PlatformError, RetryLater, SymbolNotTraded, TransitionForbidden
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import Order, OrderReport, OrderStatus, Side
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.transfer import VenueTransfer
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.broker import OpenOrder, VenueBalance
from trading_platform.services.closed_market import NO_STOP
from trading_platform.services.reconcile_balances import adopt_differences
from trading_platform.services.trade import trade, work_waiting
from trading_platform_tests.fakes import FakeBroker, FakeClock, FakeSeriesStore
from trading_platform_tests.fakes.broker import Misbehaviour
from trading_platform_tests.services.workplace import CLOSE, QUICK, Workplace
from trading_platform_tests.support.examples import ACCOUNT, SYMBOL
from trading_platform_tests.support.plain_settings import plain_settings


@pytest.fixture
def place() -> Workplace:
    """An account that holds bitcoin."""
    made = Workplace()
    made.buys()
    return made


def _last_order(place: Workplace) -> Order:
    order = place.ledger.order(place.broker.requests[-1].client_order_id)
    assert order is not None
    return order


def _says_sell(place: Workplace, minute: int = CLOSE + 1) -> str:
    return place.says(minute, Direction.SHORT).signal_id


def _sell_legs(place: Workplace) -> list[str]:
    orders = (place.ledger.order(request.client_order_id) for request in place.broker.requests)
    return [order.leg for order in orders if order is not None and order.side is Side.SELL]


def test_a_short_signal_closes_the_position(place: Workplace) -> None:
    [position] = place.ledger.open_positions(ACCOUNT)
    _says_sell(place)

    report = place.trade()

    assert (len(report.exits), report.entries) == (1, ())
    sold = _last_order(place)
    assert (sold.side, sold.status, sold.leg) == (Side.SELL, OrderStatus.FILLED, "exit")
    assert sold.quantity == Decimal("0.00049")  # what was bought less its fee, on the lot grid
    assert place.ledger.open_positions(ACCOUNT) == []
    assert position.quantity - sold.quantity < Decimal("0.00001")
    assert place.reserved() == 0
    assert place.agrees_with_venue()
    assert place.ledger.open_signals(ACCOUNT) == []
    assert place.trade().exits == ()


class _MayHideBalances(FakeBroker):
    """A venue whose balances can't be had, while orders work."""

    hides = False

    def balances(self) -> Mapping[str, VenueBalance]:
        if self.hides:
            raise RetryLater("balances can't be had")
        return super().balances()


def _go_stale(place: Workplace) -> None:
    place.clock.advance(10_000)


def _lose_all_data(place: Workplace) -> None:
    place.store = FakeSeriesStore()


def _hide_balances(place: Workplace) -> None:
    assert isinstance(place.broker, _MayHideBalances)
    place.broker.hides = True


@pytest.mark.parametrize("shut", [_go_stale, _lose_all_data, _hide_balances])
def test_exits_work_while_every_gate_is_shut(shut: Callable[[Workplace], None]) -> None:
    place = Workplace(broker_type=_MayHideBalances)
    place.buys()
    _says_sell(place)
    shut(place)

    assert len(place.trade().exits) == 1
    assert place.ledger.open_positions(ACCOUNT) == []


def test_a_short_of_before_the_entry_closes_nothing(place: Workplace) -> None:
    place.says(CLOSE - 1, Direction.SHORT)

    assert place.trade().exits == ()
    assert len(place.ledger.open_positions(ACCOUNT)) == 1


def test_another_strategys_short_closes_nothing(place: Workplace) -> None:
    said = place.says(CLOSE + 1, Direction.SHORT, strategy="mean_reversion")

    assert place.trade().exits == ()
    assert place.reasons(said) == [ReasonCode.NO_POSITION]
    assert len(place.ledger.open_positions(ACCOUNT)) == 1


def test_a_newer_long_of_the_same_strategy_takes_the_exit_back(place: Workplace) -> None:
    _says_sell(place)
    place.says(CLOSE + 2)

    assert place.trade().exits == ()


def test_an_exit_never_expires(place: Workplace) -> None:
    _says_sell(place)
    place.broker.is_silent = True
    with pytest.raises(RetryLater):
        place.trade()
    place.clock.advance(86_400)
    place.broker.is_silent = False

    assert len(place.trade().exits) == 1
    assert place.ledger.open_positions(ACCOUNT) == []


def test_a_refused_exit_is_tried_again_as_a_new_leg(place: Workplace) -> None:
    _says_sell(place)
    place.broker.misbehave(Misbehaviour(reject_code="-1015"), Misbehaviour(not_placed=True))

    for _ in range(3):
        place.later(61)
        place.trade()

    assert _sell_legs(place) == ["exit", "exit2", "exit3"]
    assert len({request.client_order_id for request in place.broker.requests}) == len(place.broker.requests)
    assert place.ledger.open_positions(ACCOUNT) == []


def test_what_a_partly_filled_exit_left_is_sold_by_the_next_leg(place: Workplace) -> None:
    _says_sell(place)
    place.broker.misbehave(Misbehaviour(fill_share=Decimal("0.5")))
    place.trade()
    first = _last_order(place)
    assert first.status is OrderStatus.PARTIALLY_FILLED
    assert place.trade().exits == ()  # the first is still at work

    place.broker.cancel(SYMBOL, first.client_order_id)
    place.later(61)
    place.trade()

    assert _sell_legs(place) == ["exit", "exit2"]
    assert place.ledger.open_positions(ACCOUNT) == []
    assert place.agrees_with_venue()


def test_an_exit_whose_answer_was_lost_is_not_repeated(place: Workplace) -> None:
    _says_sell(place)
    place.broker.misbehave(Misbehaviour(lose_answer=True, arrives_after_questions=2))

    for _ in range(4):
        place.trade()

    assert _sell_legs(place) == ["exit"]
    assert place.ledger.open_positions(ACCOUNT) == []
    assert place.agrees_with_venue()


def test_exits_that_keep_failing_are_tried_ever_more_seldom(place: Workplace) -> None:
    _says_sell(place)
    place.broker.misbehave(*[Misbehaviour(reject_code="-1013")] * 1000)

    for _ in range(600):
        place.clock.advance(1)
        place.trade()

    tries = len(_sell_legs(place))
    assert 600 / LONGEST_WAIT_SECONDS <= tries <= 600 / LONGEST_WAIT_SECONDS + 7


def test_an_exit_that_has_just_failed_is_no_work_yet(place: Workplace) -> None:
    _says_sell(place)
    place.broker.misbehave(Misbehaviour(reject_code="-1013"))
    place.trade()

    assert work_waiting(place.ledger, place.store, place.clock, place.settings) is None
    place.clock.advance(1)
    work = work_waiting(place.ledger, place.store, place.clock, place.settings)
    assert work is not None
    assert SYMBOL in work


def test_exits_come_before_entries(place: Workplace) -> None:
    _says_sell(place)
    place.says(CLOSE + 1, symbol="ETH/USDT")

    report = place.trade()

    assert (len(report.exits), len(report.entries)) == (1, 1)
    assert [request.side for request in place.broker.requests[1:]] == [Side.SELL, Side.BUY]


_STORE_TROUBLES = pytest.mark.parametrize(
    "trouble", [RetryLater("it doesn't answer"), FixSettings("it refuses the token")], ids=["silent", "unwilling"]
)


@_STORE_TROUBLES
def test_an_exit_doesnt_wait_for_a_store_of_prices(trouble: PlatformError) -> None:
    place = Workplace(settings=plain_settings(**{**QUICK, "protection": {"trailing": False}}))
    place.buys()
    _says_sell(place)
    place.store.is_down, place.store.trouble = True, trouble

    with pytest.raises(type(trouble)):  # the run fails all the same, after it has sold
        place.trade()

    assert place.ledger.open_positions(ACCOUNT) == []
    assert place.agrees_with_venue()


class _TellsNoTransfers(FakeBroker):
    """A venue whose key may trade, and not read deposits."""

    def transfers(self) -> Sequence[VenueTransfer] | None:
        raise FixSettings("the key may not read deposits")


def test_an_exit_doesnt_wait_for_a_mistake_to_be_mended_that_it_can_do_without() -> None:
    place = Workplace()
    place.buys()
    venue = _TellsNoTransfers(place.clock, [place.desk().instrument(SYMBOL)], {}, place.broker.prices)
    venue.__dict__.update(vars(place.broker))
    place.broker = venue
    place.broker.move(USDT=Decimal(1))
    _says_sell(place)

    with pytest.raises(FixSettings):
        place.trade()

    assert place.ledger.open_positions(ACCOUNT) == []


class _TellsNoTime(FakeClock):
    def read(self) -> VenueTime:
        raise RetryLater("the venue doesn't tell its time")


def test_an_exit_goes_though_the_venue_does_not_tell_its_time() -> None:
    place = Workplace(settings=plain_settings(**{**QUICK, "protection": {"trailing": False}}))
    place.buys()
    place.later(60)
    _says_sell(place)
    silent = _TellsNoTime(place.clock.wall())
    assert work_waiting(place.ledger, place.store, silent, place.settings)
    with pytest.raises(RetryLater):  # what else the run was for; the exit is made by then
        trade(replace(place.desk(), clock=silent))
    assert place.ledger.open_positions(ACCOUNT) == []


class _TellsNoRules(FakeBroker):
    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        if self.is_dumb:
            raise RetryLater("the rules can't be read")
        return super().instruments(symbols)

    is_dumb = False


def test_a_sale_that_cannot_be_made_takes_no_stop_back() -> None:
    settings = plain_settings(**{**QUICK, "protection": {"trailing": False}})
    place = Workplace(settings=settings, broker_type=_TellsNoRules)
    place.buys()
    place.later(60)
    _says_sell(place)
    assert isinstance(place.broker, _TellsNoRules)
    place.broker.is_dumb = True
    for _ in range(3):
        with pytest.raises(RetryLater):
            place.trade()
        place.later(60)
    assert place.broker.open_orders([SYMBOL])
    place.broker.is_dumb = False
    place.trade()
    assert place.ledger.open_positions(ACCOUNT) == []


class _MayStopTrading(FakeBroker):
    """A venue that takes a pair off its list."""

    delisted = ""

    def find(self, symbol: str, client_order_id: str) -> OrderReport:
        self.instruments([symbol])
        return super().find(symbol, client_order_id)

    def open_orders(self, symbols: Sequence[str]) -> Sequence[OpenOrder]:
        return super().open_orders([symbol for symbol in symbols if symbol != self.delisted])

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        if self.delisted in symbols:
            raise SymbolNotTraded(f"the venue doesn't trade {self.delisted}")
        return super().instruments(symbols)


@pytest.mark.parametrize("protected", [False, True])
def test_a_symbol_that_is_traded_no_more_keeps_no_other_from_being_sold(protected: bool) -> None:
    settings = plain_settings(**{**QUICK, "protection": {"enabled": protected, "trailing": False}})
    place = Workplace(settings=settings, start_with={"USDT": Decimal(1000)}, broker_type=_MayStopTrading)
    place.buys()
    place.buys(symbol="ETH/USDT")
    assert isinstance(place.broker, _MayStopTrading)
    place.broker.delisted = SYMBOL
    for symbol in (SYMBOL, "ETH/USDT"):
        place.says(CLOSE + 1, Direction.SHORT, symbol)

    place.trade()

    assert [position.symbol for position in place.ledger.open_positions(ACCOUNT)] == [SYMBOL]
    for _ in range(3):  # beyond the longest way of a request
        place.later(60)
        place.trade()
    without_stop = [each.key for each in place.journal.open_incidents() if each.key.startswith(NO_STOP)]
    assert without_stop == ([NO_STOP + SYMBOL] if protected else [])
    place.later(1)
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) is None  # it isn't tried every second


def test_a_position_in_a_pair_that_is_traded_no_more_ends_when_the_owner_has_moved_it_away() -> None:
    settings = plain_settings(**{**QUICK, "protection": {"trailing": False}})
    place = Workplace(settings=settings, start_with={"USDT": Decimal(1000)}, broker_type=_MayStopTrading)
    place.buys()
    assert isinstance(place.broker, _MayStopTrading)
    stops = place.ledger.unsettled_orders(ACCOUNT)
    assert stops
    place.broker.delisted = SYMBOL
    for _ in range(3):  # beyond the longest way of a request
        place.later(60)
        place.trade()
    assert place.ledger.unsettled_orders(ACCOUNT) == []  # nothing is asked for any more
    assert place.ledger.account(ACCOUNT).balances["BTC"].reserved == 0

    place.broker.move(BTC=Decimal("0.000001") - place.broker.balances()["BTC"].total)
    place.later(60)
    place.trade()
    adopt_differences(place.desk(), "moved away")
    assert place.ledger.open_positions(ACCOUNT) == []
    place.later(60)
    said = place.says(CLOSE + 5, symbol="ETH/USDT")
    place.trade()
    assert ReasonCode.APPROVED in place.reasons(said)
    assert [each.key for each in place.journal.open_incidents()] == []


def test_a_symbol_that_is_traded_no_more_keeps_no_others_stop_from_being_booked() -> None:
    settings = plain_settings(**{**QUICK, "protection": {"trailing": False}})
    place = Workplace(settings=settings, start_with={"USDT": Decimal(1000)}, broker_type=_MayStopTrading)
    place.buys()
    place.buys(symbol="ETH/USDT")
    assert isinstance(place.broker, _MayStopTrading)
    place.broker.delisted = SYMBOL
    place.broker.trade_at("ETH/USDT", Decimal(1000))
    place.later(settings.protection.look_seconds)

    place.trade()

    assert [position.symbol for position in place.ledger.open_positions(ACCOUNT)] == [SYMBOL]


class _ContradictsItself(FakeBroker):
    """A venue that says of an order with fills that it was refused."""

    about = ""

    def find(self, symbol: str, client_order_id: str) -> OrderReport:
        told = super().find(symbol, client_order_id)
        if client_order_id != self.about:
            return told
        return replace(told, status=OrderStatus.REJECTED, filled_quantity=Decimal(0), fills=())


def test_an_order_of_which_the_venue_tells_what_cant_be_keeps_no_other_from_being_sold() -> None:
    place = Workplace(start_with={"USDT": Decimal(1000)}, broker_type=_ContradictsItself)
    place.buys(symbol="ETH/USDT")
    place.says()
    place.broker.misbehave(Misbehaviour(fill_share=Decimal("0.5")))
    [half_bought] = place.trade().entries
    assert isinstance(place.broker, _ContradictsItself)
    place.broker.about = half_bought
    place.says(CLOSE + 1, Direction.SHORT, "ETH/USDT")

    with pytest.raises(TransitionForbidden, match=half_bought):
        place.trade()

    assert [position.symbol for position in place.ledger.open_positions(ACCOUNT)] == [SYMBOL]


class _RefusesQuestions(FakeBroker):
    """A venue that takes orders of the key, and no questions about them."""

    refuses = False

    def find(self, symbol: str, client_order_id: str) -> OrderReport:
        if self.refuses:
            raise FixSettings("the key may not ask for orders")
        return super().find(symbol, client_order_id)


def test_what_was_bought_has_its_stop_though_it_cant_be_followed() -> None:
    settings = plain_settings(**{**QUICK, "protection": {"trailing": False}})
    place = Workplace(settings=settings, broker_type=_RefusesQuestions)
    place.trade()
    assert isinstance(place.broker, _RefusesQuestions)
    place.broker.refuses = True
    place.says()
    place.broker.misbehave(Misbehaviour(fill_share=Decimal("0.5")))

    with pytest.raises(FixSettings):
        place.trade()

    assert [order.is_on_guard for order in place.ledger.unsettled_orders(ACCOUNT) if order.kind.is_protective] == [
        True,
        True,
    ]


def test_a_symbol_that_the_settings_no_longer_name_is_still_sold(place: Workplace) -> None:
    _says_sell(place)
    place.settings = plain_settings(**(QUICK | {"market": {"symbols": ["ETH/USDT"], "window_candles": 50}}))

    assert len(place.trade().exits) == 1
    assert place.ledger.open_positions(ACCOUNT) == []


def test_what_left_the_account_by_another_way_does_not_keep_the_rest_from_being_sold(place: Workplace) -> None:
    place.broker.deposit(BTC=Decimal("-0.0002"))
    _says_sell(place)

    place.trade()

    assert _last_order(place).quantity == Decimal("0.00029")
    assert place.agrees_with_venue()


def test_a_purchase_of_less_than_a_lot_is_dust_and_blocks_nothing() -> None:
    place = Workplace()
    place.says()
    place.broker.misbehave(Misbehaviour(fill_share=Decimal("0.03")))
    place.trade()
    bought = _last_order(place)
    assert bought.filled_quantity == Decimal("0.00001")  # one lot, less its fee
    place.broker.cancel(SYMBOL, bought.client_order_id)
    _says_sell(place)

    place.trade()

    assert place.ledger.open_positions(ACCOUNT) == []
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) is None
