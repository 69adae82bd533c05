"""Entries: every gate open, or nothing is sent and the decision says why (I1, I2, I3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from trading_platform.domain.candle import Candle
from trading_platform.domain.check import EVERY, CheckName, CheckResult, Severity
from trading_platform.domain.errors import AlreadyDone, FixSettings
from trading_platform.domain.market import Ticker
from trading_platform.domain.order import Order, OrderReport, OrderRequest, OrderStatus, Side
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Leg, LegKind, client_order_id
from trading_platform.domain.strategies.base import Direction
from trading_platform.ports.ledger import Decision
from trading_platform_tests.fakes import FakeBroker, FakeClock, FakeLedger, FakeSeriesStore
from trading_platform_tests.fakes.broker import Misbehaviour
from trading_platform_tests.services.workplace import CLOSE, PRICES, QUICK, Workplace, priced_candle
from trading_platform_tests.support.examples import ACCOUNT, MINUTE, START, SYMBOL, decision, minutes, order, signal
from trading_platform_tests.support.plain_settings import plain_settings

ENTRY = Leg(LegKind.ENTRY)
ETH = "ETH/USDT"


@pytest.fixture
def place() -> Workplace:
    return Workplace()


def test_a_long_signal_is_bought_once(place: Workplace) -> None:
    said = place.says()

    report = place.trade()
    again = place.trade()

    assert report.entries == (client_order_id(said.signal_id, ENTRY),)
    assert (again.entries, len(place.broker.requests)) == ((), 1)
    [position] = place.ledger.open_positions(ACCOUNT)
    assert (position.strategy, position.entry_candle_close) == (said.strategy, said.candle_close)
    assert place.reserved() == 0
    assert place.agrees_with_venue()


def test_the_size_is_the_fraction_on_the_lot_grid(place: Workplace) -> None:
    bought = place.buys()

    assert bought.quantity == Decimal("0.00050")  # 30 % of 84.54 = 25.36 at 50,000, rounded down to 0.00001
    assert bought.reserved_amount == Decimal("0.00050") * 50000 * Decimal("1.005") * Decimal("1.001")


def test_the_approval_records_what_it_relied_on(place: Workplace) -> None:
    said = place.says()
    place.trade()

    [approval] = place.decisions(said)

    assert approval.reason is ReasonCode.APPROVED
    assert approval.is_final
    details = approval.details
    assert [check["check"] for check in details["checks"]] == [
        "candles_are_fresh",
        "candles_have_no_gaps",
        "candles_are_sane",
        "candles_have_volume",
        "prices_do_not_jump",
        "clocks_agree",
    ]
    assert {check["verdict"] for check in details["checks"]} == {"passed"}
    assert {check["data_time"] for check in details["checks"][:-1]} == {minutes(CLOSE - 1).isoformat()}
    assert {check["checked_at"] for check in details["checks"]} == {place.clock.wall().isoformat()}
    assert (details["ask"], details["equity_quote"], details["run_id"]) == ("50000", "84.54", "run-1")
    assert details["settings"] == place.settings.fingerprint()
    assert any("30" in step for step in details["sizing"])


def _make_stale(place: Workplace) -> None:
    place.clock.advance(110 - 9)  # past the next close by 51 s, the signal being 111 s old
    now = place.clock.read()
    place.store.write_tickers([Ticker(SYMBOL, Decimal(49999), Decimal(50000), Decimal(50000), now.now, now.wall)])


def _lose_candles(place: Workplace) -> None:
    place.store = FakeSeriesStore()


def _make_a_gap(place: Workplace) -> None:
    place.store = FakeSeriesStore()
    place.refresh()
    held = place.store.candles(SYMBOL, MINUTE)
    place.store = FakeSeriesStore()
    place.refresh({ETH: PRICES[ETH]})
    kept = held[:20] + held[21:]
    place.store.write_candles(SYMBOL, MINUTE, kept, source="rest", received_at=START)


def _make_insane(place: Workplace) -> None:
    good = priced_candle(CLOSE - 5, PRICES[SYMBOL])
    bad = Candle(good.open_time, good.open, good.low - 1, good.low, good.close, good.volume)
    place.store.write_candles(SYMBOL, MINUTE, [bad], source="rest", received_at=START)


def _stop_trading_at_the_venue(place: Workplace) -> None:
    still = [replace(priced_candle(CLOSE - back, PRICES[SYMBOL]), volume=Decimal(0)) for back in range(1, 7)]
    place.store.write_candles(SYMBOL, MINUTE, still, source="rest", received_at=START)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_make_stale, "beyond the limit"),
        (_lose_candles, "no candle stored yet"),
        (_make_a_gap, "1 candles missing"),
        (_make_insane, "impossible prices"),
        (_stop_trading_at_the_venue, "nothing traded in the newest 6 candles"),
    ],
)
def test_an_entry_waits_for_data_it_can_trust(place: Workplace, spoil: Callable[[Workplace], None], words: str) -> None:
    said = place.says()
    spoil(place)

    report = place.trade()

    assert (report.entries, place.broker.requests) == ((), [])
    [waiting] = place.decisions(said)
    assert (waiting.reason, waiting.is_final) == (ReasonCode.DATA_NOT_TRUSTED, False)
    assert words in waiting.message
    assert place.is_open(said)

    place.refresh()

    assert len(place.trade().entries) == 1


def test_an_entry_waits_for_a_price(place: Workplace) -> None:
    said = place.says()
    priced = place.store
    place.store = FakeSeriesStore()
    candles = priced.candles(SYMBOL, MINUTE)
    place.store.write_candles(SYMBOL, MINUTE, candles, source="rest", received_at=START)

    assert place.trade().entries == ()
    assert place.reasons(said) == [ReasonCode.NO_FRESH_PRICE]
    assert place.is_open(said)
    assert place.broker.requests == []


@pytest.mark.parametrize(("age_seconds", "bought"), [(45.0, 1), (45.1, 0)])
def test_a_price_counts_for_so_long(age_seconds: float, bought: int) -> None:
    place = Workplace(plain_settings(**QUICK, freshness={"max_candle_lateness_seconds": 600}))
    said = place.says()
    place.clock.advance(age_seconds)

    assert len(place.trade().entries) == bought
    assert place.is_open(said) is not bool(bought)


def test_an_entry_waits_while_the_account_cannot_be_valued(place: Workplace) -> None:
    place.buys(ETH)
    only_bitcoin = FakeSeriesStore()
    only_bitcoin.write_candles(
        SYMBOL, MINUTE, place.store.candles(SYMBOL, MINUTE), source="rest", received_at=place.clock.wall()
    )
    only_bitcoin.write_tickers([place.store.tickers([SYMBOL])[SYMBOL]])
    place.store = only_bitcoin
    said = place.says()

    assert place.trade().entries == ()
    assert place.reasons(said) == [ReasonCode.NO_FRESH_PRICE]


def test_an_entry_waits_until_the_balances_are_known(place: Workplace) -> None:
    said = place.says()
    place.broker.is_silent = True

    report = place.trade()

    assert (report.reconciled, report.entries) == (False, ())
    assert place.reasons(said) == [ReasonCode.BALANCE_NOT_RECONCILED]
    place.broker.is_silent = False
    assert len(place.trade().entries) == 1


def test_an_entry_waits_while_an_order_of_its_symbol_is_in_flight(place: Workplace) -> None:
    place.says(CLOSE - 1, strategy="mean_reversion")
    place.broker.misbehave(Misbehaviour(lose_answer=True, arrives_after_questions=99))
    place.trade()
    said = place.says()

    place.trade()

    assert place.reasons(said) == [ReasonCode.ORDER_IN_FLIGHT]
    assert place.is_open(said)
    assert len(place.broker.requests) == 1


def test_what_waits_is_written_once_per_reason(place: Workplace) -> None:
    said = place.says()
    place.broker.is_silent = True
    for _ in range(5):
        place.clock.advance(1)
        place.trade()

    [waiting] = place.decisions(said)

    assert waiting.decided_at == place.clock.wall()


def _hold_the_symbol(place: Workplace) -> None:
    place.buys(strategy="mean_reversion")


def _close_the_symbol(place: Workplace) -> None:
    place.buys(strategy="mean_reversion")
    place.says(CLOSE + 1, Direction.SHORT, strategy="mean_reversion")
    place.later(5)
    place.trade()


def _let_it_expire(place: Workplace) -> None:
    place.later(90 + 45 - 9)


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (_let_it_expire, ReasonCode.SIGNAL_EXPIRED),
        (_hold_the_symbol, ReasonCode.POSITION_EXISTS),
        (_close_the_symbol, ReasonCode.COOLDOWN),
    ],
)
def test_an_entry_is_refused_by_rule(place: Workplace, before: Callable[[Workplace], None], reason: ReasonCode) -> None:
    before(place)
    sent = len(place.broker.requests)
    said = place.says()

    assert place.trade().entries == ()
    [refusal] = place.decisions(said)
    assert (refusal.reason, refusal.is_final) == (reason, True)
    assert not place.is_open(said)
    assert len(place.broker.requests) == sent


def test_a_signal_may_be_acted_on_until_its_last_moment(place: Workplace) -> None:
    said = place.says()
    place.later(90 + 45 - 10)

    assert place.trade().entries == (client_order_id(said.signal_id, ENTRY),)


def test_a_replay_at_speed_grants_the_reaction_time_in_market_time() -> None:
    place = Workplace(clock=FakeClock(minutes(CLOSE) + timedelta(seconds=10), speed=60))
    said = place.says()
    place.later((90 + 45 * 60 - 10) / 60)
    assert place.trade().entries == (client_order_id(said.signal_id, ENTRY),)

    late = Workplace(clock=FakeClock(minutes(CLOSE) + timedelta(seconds=10), speed=60))
    said = late.says()
    late.later((90 + 45 * 60 - 9) / 60)
    assert late.trade().entries == ()
    assert late.reasons(said) == [ReasonCode.SIGNAL_EXPIRED]


def test_the_cooldown_ends(place: Workplace) -> None:
    _close_the_symbol(place)
    place.later(300)
    said = place.says(CLOSE + 5)

    place.trade()

    assert place.reasons(said) == [ReasonCode.APPROVED]


def test_no_more_positions_than_allowed() -> None:
    place = Workplace(plain_settings(**QUICK, risk={"max_open_positions": 1}))
    place.buys(ETH)
    said = place.says()

    place.trade()

    assert place.reasons(said) == [ReasonCode.TOO_MANY_POSITIONS]


def test_an_entry_in_flight_counts_as_a_position() -> None:
    place = Workplace(plain_settings(**QUICK, risk={"max_open_positions": 1}))
    place.says(symbol=ETH)
    place.broker.misbehave(Misbehaviour(lose_answer=True, arrives_after_questions=99))
    place.trade()
    said = place.says()

    place.trade()

    assert ReasonCode.APPROVED not in place.reasons(said)
    assert len(place.broker.requests) == 1


@pytest.mark.parametrize(
    ("usdt", "reason"),
    [("5", ReasonCode.INSUFFICIENT_FREE_BALANCE), ("10.5", ReasonCode.BELOW_NOTIONAL_FLOOR)],
)
def test_an_account_too_small_for_an_order_sends_none(usdt: str, reason: ReasonCode) -> None:
    place = Workplace(start_with={"USDT": Decimal(usdt)})
    said = place.says()

    place.trade()

    [refusal] = place.decisions(said)
    assert refusal.reason is reason
    assert "smallest order" in refusal.message
    assert place.broker.requests == []


def test_an_exchange_minimum_that_no_lot_meets_sends_nothing() -> None:
    place = Workplace(lot_step=Decimal("0.01"))  # 500 USDT
    said = place.says()

    place.trade()

    assert place.reasons(said) == [ReasonCode.BELOW_EXCHANGE_MINIMUM]
    assert place.broker.requests == []


def test_the_newest_signal_of_a_strategy_and_symbol_governs(place: Workplace) -> None:
    older, newer = place.says(CLOSE - 1), place.says(CLOSE)

    report = place.trade()

    assert report.entries == (client_order_id(newer.signal_id, ENTRY),)
    assert place.reasons(older) == [ReasonCode.SUPERSEDED]


def test_a_newer_short_supersedes_a_waiting_long(place: Workplace) -> None:
    long = place.says(CLOSE - 1)
    short = place.says(CLOSE, Direction.SHORT)

    assert place.trade().entries == ()
    assert place.reasons(long) == [ReasonCode.SUPERSEDED]
    assert place.reasons(short) == [ReasonCode.NO_POSITION]
    assert place.ledger.open_signals(ACCOUNT) == []


def test_strategies_and_symbols_do_not_supersede_each_other(place: Workplace) -> None:
    place.says(CLOSE - 1)
    place.says(symbol=ETH)
    other = place.says(strategy="mean_reversion")

    report = place.trade()

    assert len(report.entries) == 2
    assert place.reasons(other) == [ReasonCode.POSITION_EXISTS]


def test_a_refused_order_frees_its_money_and_is_not_repeated(place: Workplace) -> None:
    said = place.says()
    place.broker.misbehave(Misbehaviour(reject_code="-2010"))
    place.trade()

    refused = place.ledger.order(client_order_id(said.signal_id, ENTRY))
    assert refused is not None
    assert refused.status is OrderStatus.REJECTED
    assert place.ledger.events[-1][3] == "-2010"
    assert place.reserved() == 0
    assert not place.is_open(said)
    assert place.reasons(said) == [ReasonCode.APPROVED, ReasonCode.REJECTED_BY_VENUE]
    place.later(2)
    place.trade()
    assert len(place.broker.requests) == 1


@pytest.mark.parametrize("told", [Misbehaviour(not_placed=True), Misbehaviour(reject_code="-1021")])
def test_an_order_that_was_certainly_not_placed_is_put_off(place: Workplace, told: Misbehaviour) -> None:
    said = place.says()
    place.broker.misbehave(told)
    place.trade()

    assert place.is_open(said)
    assert place.reserved() == 0
    place.trade()
    assert len(place.broker.requests) == 1, "not yet: the venue has only just refused"
    place.later(1)
    [second] = place.trade().entries
    assert second == client_order_id(said.signal_id, Leg(LegKind.ENTRY, 2))
    [position] = place.ledger.open_positions(ACCOUNT)
    assert position.quantity > 0
    assert not place.is_open(said)


def test_refusals_are_answered_ever_more_seldom_and_only_while_the_signal_is_valid(place: Workplace) -> None:
    said = place.says()
    place.broker.misbehave(*[Misbehaviour(not_placed=True)] * 100)
    for _ in range(400):
        place.later(0.5)
        place.trade()

    assert not place.is_open(said)
    assert place.reasons(said)[-1] is ReasonCode.SIGNAL_EXPIRED
    assert 5 <= len(place.broker.requests) <= 8
    assert place.reserved() == 0


class _LocksOut(FakeBroker):
    """A venue that has stopped accepting the key."""

    def submit(self, request: OrderRequest) -> OrderReport:
        raise FixSettings("check the API key")


def test_a_refused_key_fails_the_run_and_leaves_nothing_reserved() -> None:
    place = Workplace(broker_type=_LocksOut)
    said = place.says()

    with pytest.raises(FixSettings, match="API key"):
        place.trade()

    assert place.reserved() == 0
    assert place.ledger.unsettled_orders(ACCOUNT) == []
    assert place.is_open(said), "the owner may mend it while the signal is valid"


@pytest.mark.parametrize(("ahead", "side"), [(3.0, "ahead of"), (-3.0, "behind")])
def test_an_entry_waits_for_clocks_that_agree(place: Workplace, ahead: float, side: str) -> None:
    said = place.says()
    place.feed.venue_ahead_seconds = ahead

    assert place.trade().entries == ()

    [waiting] = place.decisions(said)
    assert (waiting.reason, waiting.is_final) == (ReasonCode.CLOCK_DRIFT, False)
    assert f"3.000 s {side} ours" in waiting.message
    place.feed.venue_ahead_seconds = 0.2
    assert len(place.trade().entries) == 1


def test_an_entry_waits_for_a_clock_that_can_be_read(place: Workplace) -> None:
    said = place.says()
    place.feed.is_silent = True

    assert place.trade().entries == ()
    assert place.reasons(said) == [ReasonCode.CLOCK_DRIFT]


def test_a_warning_keeps_nothing_back_and_stands_in_the_decision(place: Workplace) -> None:
    crashed = priced_candle(CLOSE - 1, PRICES[SYMBOL] * Decimal("0.9"))
    place.store.write_candles(SYMBOL, MINUTE, [crashed], source="rest", received_at=START)
    place.feed.venue_ahead_seconds = 1.5
    differs = CheckResult(
        CheckName.AGREED, SYMBOL, "1m", False, "1 value differs", None, place.clock.wall(), Severity.WARNING
    )
    doubled = replace(differs, name=CheckName.ONCE, interval=EVERY, reason="21 events sent twice")
    elsewhere = replace(differs, symbol=ETH, reason="about another symbol")
    place.journal.record_checks([differs, doubled, elsewhere])
    said = place.says()

    assert len(place.trade().entries) == 1

    [approval] = place.decisions(said)
    warned = {check["check"]: check["reason"] for check in approval.details["checks"] if check["verdict"] == "warning"}
    assert set(warned) == {
        "prices_do_not_jump",
        "clocks_agree",
        "stream_agrees_with_rest",
        "stream_sends_nothing_twice",
    }
    assert warned["stream_agrees_with_rest"] == "1 value differs"
    assert "by -10.00 %" in warned["prices_do_not_jump"]


@pytest.mark.parametrize(
    "spoil",
    [
        _make_stale,
        _make_insane,
        _stop_trading_at_the_venue,
        lambda place: setattr(place.feed, "venue_ahead_seconds", -60.0),
        lambda place: setattr(place.feed, "is_silent", True),
    ],
)
def test_an_exit_passes_whatever_the_checks_say(place: Workplace, spoil: Callable[[Workplace], None]) -> None:
    place.buys()
    place.later(60)
    place.says(CLOSE + 1, Direction.SHORT)
    spoil(place)

    report = place.trade()

    assert len(report.exits) == 1
    assert place.ledger.open_positions(ACCOUNT) == []


class _Raided(FakeLedger):
    """Somebody else is quicker by a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.raid: Callable[[Order], None] | None = None

    def reserve(self, order: Order, decision: Decision, *, replaces: str | None = None) -> None:
        raid, self.raid = self.raid, None
        if raid:
            raid(order)
        super().reserve(order, decision, replaces=replaces)


def test_money_taken_between_sizing_and_reserving_is_not_spent_twice() -> None:
    ledger = _Raided()
    place = Workplace(ledger=ledger)
    said = place.says()
    rival = signal(CLOSE - 3, symbol=ETH)
    ledger.record_signals([rival], START)
    ledger.record_decision(decision(rival))
    ledger.raid = lambda _: FakeLedger.reserve(ledger, order(rival, "70"), decision(rival))

    assert place.trade().entries == ()

    [refusal] = place.decisions(said)
    assert refusal.reason is ReasonCode.INSUFFICIENT_FREE_BALANCE
    assert "free" in refusal.message
    assert place.broker.requests == []


def test_a_leg_that_another_run_has_reserved_is_left_to_it() -> None:
    ledger = _Raided()
    place = Workplace(ledger=ledger)
    said = place.says()
    ledger.raid = lambda wanted: FakeLedger.reserve(ledger, wanted, decision(said))

    place.trade()

    assert place.broker.requests == []
    [waiting] = ledger.unsettled_orders(ACCOUNT)
    assert (waiting.status, waiting.side) == (OrderStatus.INTENDED, Side.BUY)


class _SentElsewhere(FakeLedger):
    def mark_submitted(self, client_order_id: str, at: datetime) -> None:
        raise AlreadyDone("sent elsewhere")


def test_an_intent_that_another_run_has_sent_is_not_sent_again() -> None:
    place = Workplace(ledger=_SentElsewhere())
    place.says()
    place.trade()

    assert place.broker.requests == []
