"""Whatever happens, in whatever order: once it is quiet again, books and venue agree and nothing is left behind.

Runs die, overlap and are overtaken by news, halts and the owner's own hand before any call; answers are lost; orders
fill in part; markets close, and change their grids; money comes and goes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from trading_platform.domain.errors import FixSettings, OrderNotKnown, OrderRejected, RetryLater
from trading_platform.domain.order import OrderKind, OrderRequest, Side
from trading_platform.domain.order_machine import replay
from trading_platform.domain.strategies.base import Direction
from trading_platform.ports.order_news import OrderNews
from trading_platform.services.follow_news import take_up_news
from trading_platform.services.halt_account import halt_account, resume_account
from trading_platform.services.trade import trade
from trading_platform.services.trading_desk import TradingDesk
from trading_platform_tests.fakes import FakeBroker
from trading_platform_tests.fakes.broker import Misbehaviour
from trading_platform_tests.faults.mortality import Killed, Life, Mortal, mortal
from trading_platform_tests.services.workplace import PRICES, QUICK, Workplace
from trading_platform_tests.support.examples import ACCOUNT, START
from trading_platform_tests.support.plain_settings import plain_settings

SYMBOLS = st.sampled_from(sorted(PRICES))
ORDINARY = {
    **QUICK,
    "risk": {"cooldown_seconds": 0},
    "account_rules": {"max_drawdown": "0.99", "max_daily_loss": "0.99", "losses_to_pause": 50, "max_correlation": 1},
}
SHORTFALLS = st.sampled_from(["0", "0.01", "0.1", "0.5", "0.97"]).map(Decimal)
MISBEHAVIOURS = st.one_of(
    st.just(Misbehaviour(not_placed=True)),
    st.just(Misbehaviour(reject_code="-2010")),
    st.just(Misbehaviour(reject_code="-1013")),
    st.builds(Misbehaviour, lose_answer=st.booleans(), fill_share=SHORTFALLS, rest_expires=st.booleans()),
    st.just(Misbehaviour(lose_answer=True, never_arrives=True)),
)
AT_CANCELS = st.sampled_from(
    [
        Misbehaviour(not_placed=True),
        Misbehaviour(lose_answer=True),
        Misbehaviour(lose_answer=True, never_arrives=True),
    ]
)


class _Once(Life):
    """Comes to its end once, and then lives for ever."""

    def spend(self, call: str) -> None:
        try:
            super().spend(call)
        except Killed:
            self._left = 1_000_000
            raise


class _Overtaken(Mortal):
    """A port before whose n-th call something else happens."""

    def __init__(self, port: object, life: _Once, meanwhile: Callable[[], object]) -> None:
        super().__init__(port, life)
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*arguments: Any, **more: Any) -> Any:
            try:
                self._life.spend(name)
            except Killed:
                self._meanwhile()
            return method(*arguments, **more)

        return call


class _ChangesItsRules(FakeBroker):
    """A venue with a grid of prices, which it changes while positions are open."""

    def change_grid(self, symbol: str, tick: Decimal, lot: Decimal) -> None:
        self._instruments[symbol] = replace(self._instruments[symbol], tick_size=tick, lot_step=lot, min_quantity=lot)

    def _check(self, request: OrderRequest) -> None:
        super()._check(request)
        prices = (request.limit_price, request.stop_price)
        if not all(self._instruments[request.symbol].is_price(price) for price in prices if price is not None):
            raise OrderRejected("Filter failure: PRICE_FILTER", "-1013")


class Histories(RuleBasedStateMachine):
    @initialize(
        entry=st.sampled_from(["market", "limit"]),
        then=st.sampled_from(["give_up", "market"]),
        fee_asset=st.sampled_from([None, None, "BNB", "USDT"]),
        trailing=st.booleans(),
        holding=st.sampled_from([0, 300]),
        listed=st.booleans(),
    )
    def begin(self, entry: str, then: str, fee_asset: str | None, trailing: bool, holding: int, listed: bool) -> None:
        quick = {"follow_seconds": 0.001, "poll_seconds": 0.001, "limit_seconds": 30}
        execution = {**quick, "entry": entry, "limit_then": then}
        protection = {"trailing": trailing, "max_holding_seconds": holding}
        chosen = plain_settings(**{**ORDINARY, "execution": execution, "protection": protection})
        funds = {"USDT": Decimal(200), **({"BNB": Decimal(5)} if fee_asset == "BNB" else {})}
        self.place = Workplace(settings=chosen, start_with=funds, broker_type=_ChangesItsRules)
        self.broker._fee_asset = fee_asset
        self.broker.lists_transfers = listed
        self.prices = dict(PRICES)
        self.run(self.place.desk())

    @property
    def broker(self) -> FakeBroker:
        return self.place.broker

    def run(self, desk: TradingDesk) -> None:
        with suppress(RetryLater, FixSettings):
            trade(desk)

    def at_venue(self) -> list[str]:
        return [order.client_order_id for order in self.broker.open_orders(sorted(PRICES))]

    # what the platform does
    @rule(symbol=SYMBOLS, told=st.none() | MISBEHAVIOURS, runs=st.booleans())
    def buy(self, symbol: str, told: Misbehaviour | None, runs: bool) -> None:
        self.resume()
        self.broker.closed.clear()
        self.pass_time(61)
        self.say(symbol, Direction.LONG, other=False)
        if told:
            self.broker.misbehave(told)
        if runs:
            self.trade()

    @rule()
    def trade(self) -> None:
        self.run(self.place.desk())

    @rule(calls=st.integers(0, 120))
    def die(self, calls: int) -> None:
        with suppress(Killed):
            self.run(mortal(self.place.desk(), Life(calls)))

    @rule(calls=st.integers(0, 150), who=st.sampled_from(["run", "news", "halt", "fill", "cancel", "deposit"]))
    def be_overtaken(self, calls: int, who: str) -> None:
        life, desk = _Once(calls), self.place.desk()
        acts: dict[str, Callable[[], object]] = {
            "run": lambda: self.run(self.place.desk()),
            "news": lambda: take_up_news(self.place.desk(), OrderNews(None)),
            "halt": lambda: self.halt(flatten=False),
            "fill": lambda: self.fill_some(Decimal("0.5"), 0),
            "cancel": lambda: self.cancel_by_hand(0),
            "deposit": lambda: self.broker.deposit(USDT=Decimal(3)),
        }
        ports = ("ledger", "broker", "store", "journal")
        overtaken = {name: cast(Any, _Overtaken(getattr(desk, name), life, acts[who])) for name in ports}
        self.run(replace(desk, **overtaken))

    @rule(number=st.integers(0, 9))
    def hear(self, number: int) -> None:
        ids = [order.client_order_id for order in self.place.ledger.recent_orders(ACCOUNT, 10)]
        take_up_news(self.place.desk(), OrderNews(ids[number % len(ids)] if ids else None))

    @rule(symbol=SYMBOLS, direction=st.sampled_from(Direction), other=st.booleans())
    def say(self, symbol: str, direction: Direction, other: bool) -> None:
        minute = int((self.place.clock.read().now - START) / timedelta(minutes=1))
        self.place.says(minute, direction, symbol, **({"strategy": "mean_reversion"} if other else {}))

    @rule(flatten=st.booleans())
    def halt(self, flatten: bool) -> None:
        halt_account(self.place.ledger, self.place.clock, ACCOUNT, "", flatten=flatten)

    @rule()
    def resume(self) -> None:
        resume_account(self.place.ledger, self.place.clock, ACCOUNT, "")

    # what the world does
    @rule(seconds=st.sampled_from([1, 3, 16, 61, 130]))
    def pass_time(self, seconds: float) -> None:
        self.place.clock.advance(seconds)
        self.place.refresh(self.prices)

    @rule(symbol=SYMBOLS, percent=st.sampled_from([-9, -3, -1, 1, 2, 5]))
    def move(self, symbol: str, percent: int) -> None:
        if symbol in self.broker.closed:
            return
        self.prices[symbol] = (self.prices[symbol] * (100 + percent) / 100).quantize(Decimal("0.01"))
        self.broker.trade_at(symbol, self.prices[symbol])
        self.place.refresh(self.prices)

    @rule(share=SHORTFALLS, number=st.integers(0, 5))
    def fill_some(self, share: Decimal, number: int) -> None:
        with suppress(RetryLater):
            resting = self.at_venue()
            if resting:
                order = self.broker._orders[resting[number % len(resting)]]
                pair = self.broker._instruments[order.request.symbol]
                left = order.request.quantity - order.filled
                self.broker.fill_part(order.request.client_order_id, pair.floor_quantity(left * share))

    @rule(number=st.integers(0, 5))
    def cancel_by_hand(self, number: int) -> None:
        with suppress(RetryLater, OrderNotKnown):
            resting = self.at_venue()
            if resting:
                chosen = self.broker._orders[resting[number % len(resting)]]
                for each in filter(None, (chosen, chosen.other)):
                    each.is_cancelled = each.is_cancelled or not each.status.is_final

    @rule(symbol=SYMBOLS, tick=st.sampled_from(["0.01", "0.1", "0.5", "1"]), lot=st.sampled_from(["0.00001", "0.0001"]))
    def change_grid(self, symbol: str, tick: str, lot: str) -> None:
        assert isinstance(self.broker, _ChangesItsRules)
        self.broker.change_grid(symbol, Decimal(tick), Decimal(lot))

    @rule(told=MISBEHAVIOURS)
    def misbehave(self, told: Misbehaviour) -> None:
        self.broker.misbehave(told)

    @rule(told=AT_CANCELS)
    def misbehave_at_cancels(self, told: Misbehaviour) -> None:
        self.broker.misbehave_at_cancels(told)

    @rule(symbol=SYMBOLS)
    def close_or_open(self, symbol: str) -> None:
        self.broker.closed ^= {symbol}

    @rule()
    def trade_in_silence(self) -> None:
        self.broker.is_silent = True
        self.trade()
        self.broker.is_silent = False

    @rule(amount=st.sampled_from([-5, 7]))
    def transfer(self, amount: int) -> None:
        free = self.broker._held()["USDT"].free
        if free + amount > 0:
            self.broker.deposit(USDT=Decimal(amount))

    @invariant()
    def no_order_was_sent_twice(self) -> None:
        if hasattr(self, "place"):
            sent = [request.client_order_id for request in self.broker.requests]
            assert len(set(sent)) == len(sent)

    def teardown(self) -> None:
        if not hasattr(self, "place"):
            return
        self.broker.is_silent = False
        self.broker.closed.clear()
        self.broker._misbehaviours.clear()
        self.broker._at_cancels.clear()
        for order in self.broker._orders.values():
            if order.request.kind is OrderKind.MARKET and not order.status.is_final:
                self.broker.fill_rest(order.request.client_order_id)
        for _ in range(12):
            self.pass_time(61)
            trade(self.place.desk())
        self.everything_is_in_order()

    def everything_is_in_order(self) -> None:
        ledger = self.place.ledger
        unsettled = ledger.unsettled_orders(ACCOUNT)
        assert ledger.balance_differences(ACCOUNT) == []
        assert self.place.agrees_with_venue()
        assert sorted(order.client_order_id for order in unsettled) == sorted(self.at_venue())
        held = [ledger.reservation(order.client_order_id) for order in unsettled]
        assert self.place.reserved() == sum(each.remaining for each in held if each is not None)
        for order in ledger.recent_orders(ACCOUNT, 1000):
            assert replace(replay(order, ledger.order_events(order.client_order_id)), asked_at=order.asked_at) == order
        halt = ledger.halt_in_force(ACCOUNT)
        positions = ledger.open_positions(ACCOUNT)
        if halt is not None:
            assert not [order for order in unsettled if order.side is Side.BUY]
            assert not (halt.flatten and positions)
        for position in positions:
            assert [o for o in unsettled if o.symbol == position.symbol and o.stop_price and o.is_on_guard], position
        assert {o.symbol for o in unsettled if o.kind.is_protective} <= {p.symbol for p in positions}


Histories.TestCase.settings = settings(
    max_examples=100, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAnyHistory = Histories.TestCase
