"""The books: they balance whatever happens, and they survive whatever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from trading_platform.simulator.errors import ExchangeError, SimulatorSetupError
from trading_platform.simulator.exchange import Exchange
from trading_platform.simulator.model import (
    ZERO,
    OcoLeg,
    OcoRequest,
    Order,
    OrderType,
    Side,
    SymbolRules,
    TimeInForce,
    Trade,
)
from trading_platform.simulator.store import MARKET_ID, Store, symbols_of_books
from trading_platform_tests.simulator.exchanges import (
    ACCOUNT,
    BTC,
    FUNDS,
    MARKET,
    MINUTE_MS,
    WallClock,
    balance,
    near,
    open_exchange,
    order,
    place,
)

SYMBOLS = st.sampled_from(["BTCUSDT", "ETHUSDT"])
SIDES = st.sampled_from(list(Side))
KINDS = st.sampled_from(list(OrderType))
TIFS = st.sampled_from(list(TimeInForce))
FACTORS = st.decimals("0.985", "1.015", places=4)
SHARES = st.decimals("0.01", "1.1", places=2)


def audit(exchange: Exchange) -> None:
    """What the exchange promises about money at every instant."""
    for total in exchange.totals():
        assert total.accounts + total.venue + total.fees == total.deposits
        assert total.fees >= 0
    needed: dict[str, Decimal] = {}
    counted: set[int] = set()
    for standing in exchange.open_orders(ACCOUNT):
        if standing.order_list_id in counted:
            continue
        legs = [standing]
        if standing.order_list_id >= 0:
            counted.add(standing.order_list_id)
            legs = [o for o in exchange.open_orders(ACCOUNT) if o.order_list_id == standing.order_list_id]
        rules = exchange.rules(standing.symbol)
        asset = rules.base_asset if standing.side is Side.SELL else rules.quote_asset
        needed[asset] = needed.get(asset, ZERO) + max(map(cost, legs))
    for found in exchange.account_state(ACCOUNT).balances:
        assert found.free >= 0
        assert found.locked == needed.get(found.asset, ZERO)


def cost(standing: Order) -> Decimal:
    """What the rest of an order takes at most."""
    if standing.side is Side.SELL:
        return standing.remaining
    return standing.remaining * (standing.price or standing.stop_price)


def check_orders_against_trades(exchange: Exchange) -> None:
    """Orders say what their fills say, and the balances what all fills add up to."""
    expected = dict(FUNDS)
    for rules in exchange.symbols():
        trades = exchange.my_trades(ACCOUNT, rules.symbol, from_id=0, limit=1000)
        orders = exchange.all_orders(ACCOUNT, rules.symbol, order_id=0, limit=1000)
        for standing in orders:
            fills = [t for t in trades if t.order_id == standing.order_id]
            assert standing.executed_quantity == sum((t.quantity for t in fills), ZERO) <= standing.quantity
            assert standing.executed_quote == sum((t.quote_quantity for t in fills), ZERO)
        for trade in trades:
            book_trade(expected, trade, rules)
    for found in exchange.account_state(ACCOUNT).balances:
        assert found.free + found.locked == expected.get(found.asset, ZERO)


def book_trade(expected: dict[str, Decimal], trade: Trade, rules: SymbolRules) -> None:
    sign = 1 if trade.side is Side.BUY else -1
    for asset, amount in [
        (rules.base_asset, sign * trade.quantity),
        (rules.quote_asset, -sign * trade.quote_quantity),
        (trade.commission_asset, -trade.commission),
    ]:
        expected[asset] = expected.get(asset, ZERO) + amount


class Books(RuleBasedStateMachine):
    """Any sequence of requests, waits and restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.wall = WallClock()
        self.exchange = open_exchange(Path(self.folder.name), self.wall)

    def quantity(self, symbol: str, side: Side, share: Decimal, price: Decimal) -> Decimal:
        rules = self.exchange.rules(symbol)
        if side is Side.SELL:
            amount = Decimal(balance(self.exchange, rules.base_asset)[0]) * share
        else:
            amount = Decimal(balance(self.exchange, rules.quote_asset)[0]) * share / price
        return max(amount // rules.step_size * rules.step_size, rules.step_size)

    @rule(symbol=SYMBOLS, side=SIDES, kind=KINDS, tif=TIFS, near_by=FACTORS, stop_by=FACTORS, share=SHARES)
    def place_order(
        self,
        symbol: str,
        side: Side,
        kind: OrderType,
        tif: TimeInForce,
        near_by: Decimal,
        stop_by: Decimal,
        share: Decimal,
    ) -> None:
        last = self.exchange.last_price(symbol)
        price, stop = near(last, str(near_by)), near(last, str(stop_by))
        values: dict[str, Any] = {"quantity": self.quantity(symbol, side, share, price)}
        if kind.has_limit:
            values["price"] = price
        if kind.has_trigger:
            values["stop_price"] = stop
        if kind.has_limit and kind is not OrderType.LIMIT_MAKER:
            values["time_in_force"] = tif
        self.attempt(lambda: place(self.exchange, side, kind, symbol, **values))

    @rule(symbol=SYMBOLS, side=SIDES, quote=st.decimals(1, 12_000, places=3))
    def trade_for_quote(self, symbol: str, side: Side, quote: Decimal) -> None:
        self.attempt(lambda: place(self.exchange, side, "MARKET", symbol, quote_quantity=quote))

    @rule(symbol=SYMBOLS, side=SIDES, share=SHARES, up=st.integers(1, 60), down=st.integers(1, 60))
    def place_oco(self, symbol: str, side: Side, share: Decimal, up: int, down: int) -> None:
        last = self.exchange.last_price(symbol)
        above, below = near(last, str(1 + up / 10_000)), near(last, str(1 - down / 10_000))
        quantity = self.quantity(symbol, side, share, above)
        if side is Side.SELL:
            legs = OcoLeg(OrderType.LIMIT_MAKER, above), OcoLeg(OrderType.STOP_LOSS, stop_price=below)
        else:
            stop = OcoLeg(OrderType.STOP_LOSS_LIMIT, near(above, "1.001"), above, TimeInForce.GTC)
            legs = stop, OcoLeg(OrderType.LIMIT_MAKER, below)
        self.attempt(lambda: self.exchange.place_oco(ACCOUNT, OcoRequest(symbol, side, quantity, *legs)))

    @precondition(lambda self: self.exchange.open_orders(ACCOUNT))
    @rule(choice=st.integers(0, 50))
    def cancel(self, choice: int) -> None:
        orders = self.exchange.open_orders(ACCOUNT)
        chosen = orders[choice % len(orders)]
        self.exchange.cancel_order(ACCOUNT, chosen.symbol, chosen.order_id)

    @rule(symbol=SYMBOLS)
    def cancel_everything(self, symbol: str) -> None:
        self.attempt(lambda: self.exchange.cancel_open_orders(ACCOUNT, symbol))

    @rule(fraction=st.decimals(0, 1, places=2))
    def ask_for_a_partial_fill(self, fraction: Decimal) -> None:
        self.exchange.fill_next_order_partly(fraction)

    @rule(seconds=st.integers(0, 7200))
    def wait(self, seconds: int) -> None:
        self.wall.move(1000 * seconds)
        self.exchange.advance()

    @rule()
    def restart(self) -> None:
        before = self.exchange.open_orders(ACCOUNT), self.exchange.account_state(ACCOUNT)
        self.exchange.close()
        self.exchange = open_exchange(Path(self.folder.name), self.wall)
        assert (self.exchange.open_orders(ACCOUNT), self.exchange.account_state(ACCOUNT)) == before

    def attempt(self, request: Any) -> None:
        try:
            request()
        except ExchangeError as refusal:
            if refusal.code not in (-1013, -2010, -2011):
                raise

    @invariant()
    def books_balance(self) -> None:
        audit(self.exchange)

    def teardown(self) -> None:
        check_orders_against_trades(self.exchange)
        self.exchange.close()
        self.folder.cleanup()


def test_no_sequence_of_requests_creates_or_loses_money() -> None:
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def history_of(folder: Path, looks_ms: Sequence[int], kills: Collection[int] = ()) -> tuple[Any, ...]:
    """Place a fixed set of orders, look at the given times, and tell all that happened.

    Orders at one price compete for the same trades, so that each part of a fill counts.
    """
    wall = WallClock()
    changes = {"balances": {"BTC": Decimal(10), "ETH": Decimal(50), "USDT": Decimal(500_000)}}
    exchange = open_exchange(folder, wall, **changes)
    price, other = exchange.last_price(BTC), exchange.last_price("ETHUSDT")
    for index in range(1, 9):
        for _ in range(2):
            place(exchange, "BUY", "LIMIT", quantity="0.3", price=near(price, str(1 - index / 4000)))
            place(exchange, "SELL", "LIMIT", quantity="0.25", price=near(price, str(1 + index / 4000)))
        place(exchange, "SELL", "LIMIT", "ETHUSDT", quantity=4, price=near(other, str(1 + index / 2000)))
    for factor in ("0.998", "0.996"):
        place(exchange, "SELL", "STOP_LOSS", quantity="0.5", stop_price=near(price, factor))
    limits: dict[str, Any] = {"price": near(price, "1.01"), "stop_price": near(price, "1.003")}
    place(exchange, "BUY", "STOP_LOSS_LIMIT", quantity="0.4", **limits)
    start_ms = wall.now_ms
    for number, look_ms in enumerate(looks_ms):
        wall.now_ms = start_ms + look_ms
        exchange.advance()
        if number in kills:
            # As a kill leaves it: nothing is closed in order, only what's on disk counts.
            exchange._store.close()
            exchange = open_exchange(folder, wall, **changes)
    result = (
        [exchange.all_orders(ACCOUNT, symbol) for symbol in (BTC, "ETHUSDT")],
        [exchange.my_trades(ACCOUNT, symbol) for symbol in (BTC, "ETHUSDT")],
        exchange.account_state(ACCOUNT),
    )
    audit(exchange)
    exchange.close()
    return result


HOURS_2 = 2 * 60 * MINUTE_MS


@settings(deadline=None, max_examples=8)
@given(period_ms=st.integers(500, 600_000), kills=st.sets(st.integers(0, 600), max_size=12))
def test_what_trades_depends_neither_on_how_often_anyone_looks_nor_on_kills(period_ms: int, kills: set[int]) -> None:
    looks = [*range(0, HOURS_2, max(period_ms, HOURS_2 // 5000)), HOURS_2]
    with tempfile.TemporaryDirectory() as seldom, tempfile.TemporaryDirectory() as often:
        at_once = history_of(Path(seldom), [HOURS_2])
        in_pieces = history_of(Path(often), looks, kills)
    assert at_once == in_pieces
    assert sum(len(trades) for trades in at_once[1]) > 30


def test_orders_at_one_price_share_a_trade_in_the_order_of_their_arrival(tmp_path: Path) -> None:
    wall = WallClock()
    exchange = open_exchange(tmp_path, wall, balances={"BTC": Decimal(10)})
    limit = near(exchange.last_price(BTC), "1.0005")
    first, second = (place(exchange, "SELL", "LIMIT", quantity=5, price=limit).order.order_id for _ in range(2))
    volumes: dict[int, Decimal] = {}
    for _ in range(600):
        wall.move(1000)
        exchange.advance()
        volumes |= {t.time_ms: t.quantity for t in exchange.recent_trades(BTC, 2)}
    trades = exchange.my_trades(ACCOUNT, BTC)
    assert {t.order_id for t in trades} == {first, second}
    filled: dict[int, Decimal] = {}
    for trade in trades:
        filled[trade.time_ms] = filled.get(trade.time_ms, ZERO) + trade.quantity
    assert all(quantity <= volumes[time_ms] for time_ms, quantity in filled.items())
    assert [t.order_id for t in trades] == sorted(t.order_id for t in trades)
    exchange.close()


def test_books_of_another_market_are_refused(tmp_path: Path) -> None:
    open_exchange(tmp_path, WallClock()).close()
    other = MARKET.__class__(seed=MARKET.seed + 1, history_candles=MARKET.history_candles)
    with pytest.raises(SimulatorSetupError, match="holds the books of the market synthetic:3"):
        open_exchange(tmp_path, WallClock(), market=other)


def test_a_symbol_that_is_asked_for_no_more_is_served_while_the_books_have_orders_of_it(tmp_path: Path) -> None:
    wall, fewer = WallClock(), replace(MARKET, symbols=("ETHUSDT",))
    exchange = open_exchange(tmp_path, wall)
    rests = place(exchange, "SELL", "LIMIT", quantity="0.1", price=near(exchange.last_price(BTC), "1.5"))
    exchange.close()
    assert symbols_of_books(tmp_path / "books.sqlite") == [BTC]

    again = open_exchange(tmp_path, wall, market=fewer)  # the same market: its books are these
    assert {rules.symbol for rules in again.symbols()} == {"ETHUSDT", BTC}
    assert [each.order_id for each in again.open_orders(ACCOUNT)] == [rests.order.order_id]
    again.close()
    open_exchange(tmp_path, wall, market=replace(MARKET, symbols=(BTC, "ETHUSDT", "XRPUSDT"))).close()


def test_books_that_named_their_symbols_are_known_again(tmp_path: Path) -> None:
    open_exchange(tmp_path, WallClock()).close()
    store = Store(tmp_path / "books.sqlite")
    store.set_meta(MARKET_ID, f"synthetic:{MARKET.seed}:{','.join(MARKET.symbols)}:{MARKET.history_candles}")
    store.commit()
    store.close()
    open_exchange(tmp_path, WallClock()).close()


def test_two_simulators_can_not_keep_the_same_books(tmp_path: Path) -> None:
    first = open_exchange(tmp_path, WallClock())
    with pytest.raises(SimulatorSetupError, match="end the other simulator"):
        open_exchange(tmp_path, WallClock())
    first.close()


def test_deposits_are_paid_in_once(tmp_path: Path) -> None:
    for funds in ({"USDT": Decimal(5)}, {"USDT": Decimal(500)}):
        exchange = open_exchange(tmp_path, WallClock(), balances=funds)
        assert balance(exchange, "USDT") == (5, 0)
        exchange.close()


CHILD = """
import sys
from pathlib import Path
from trading_platform_tests.simulator.exchanges import *
wall = WallClock()
exchange = open_exchange(Path(sys.argv[1]), wall)
while True:
    wall.move(700)
    placed = place(exchange, "BUY", "MARKET", "ETHUSDT", quantity="0.003")
    print(placed.order.order_id, flush=True)
    placed = place(exchange, "SELL", "MARKET", "ETHUSDT", quantity="0.003")
    print(placed.order.order_id, flush=True)
"""


@pytest.mark.parametrize("answers", [1, 4, 9])
def test_what_was_answered_survives_sigkill(tmp_path: Path, answers: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert child.stdout is not None
    acknowledged = [int(child.stdout.readline()) for _ in range(answers)]
    child.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in child.stdout.read().splitlines()]
    child.wait()
    child.stdout.close()
    exchange = open_exchange(tmp_path, WallClock())
    kept = exchange.all_orders(ACCOUNT, "ETHUSDT", order_id=0, limit=1000)
    assert [o.order_id for o in kept][: len(acknowledged)] == acknowledged
    audit(exchange)
    check_orders_against_trades(exchange)
    exchange.close()


def test_a_failure_in_the_middle_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = open_exchange(tmp_path, WallClock())
    standing = place(exchange, "SELL", "LIMIT", quantity="0.1", price=near(exchange.last_price(BTC), "1.1"))
    before = exchange.account_state(ACCOUNT)
    events: list[object] = []
    exchange.subscribe(events.append)
    with monkeypatch.context() as patched:
        patched.setattr(exchange._accounts, "settle", lambda _: (_ for _ in ()).throw(OSError("disk")))
        with pytest.raises(OSError, match="disk"):
            place(exchange, "BUY", "MARKET", quantity="0.01")
    assert exchange.account_state(ACCOUNT) == before
    assert exchange.open_orders(ACCOUNT) == [standing.order]
    assert events == []
    assert place(exchange, "BUY", "MARKET", quantity="0.01").order.order_id == standing.order.order_id + 1
    audit(exchange)
    exchange.close()


def test_waiting_without_orders_writes_nothing(tmp_path: Path) -> None:
    wall = WallClock()
    exchange = open_exchange(tmp_path, wall)
    before = exchange._store._db.total_changes
    for _ in range(20):
        wall.move(60_000)
        exchange.advance()
        exchange.klines(BTC, "1m")
        exchange.test_order(ACCOUNT, order("BUY", "MARKET", quantity="0.01"))
    assert exchange._store._db.total_changes == before
    exchange.close()
