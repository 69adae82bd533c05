"""What every ledger does with halts, marks, transfers, differences and permissions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from trading_platform.domain.arming import Arming
from trading_platform.domain.errors import AccountHalted, FixSettings, NotArmed
from trading_platform.domain.halt import OWNER, Halt
from trading_platform.domain.order import OrderStatus, Side
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.transfer import BalanceDifference, Transfer, TransferKind
from trading_platform.ports.ledger import EquityPoint, Ledger
from trading_platform_tests.support.examples import (
    ACCOUNT,
    ENTRY,
    EXIT,
    START,
    SYMBOL,
    decision,
    fill,
    instrument,
    minutes,
    order,
    report,
    signal,
)


@pytest.fixture(autouse=True)
def _account(ledger: Ledger) -> None:
    ledger.open_account(ACCOUNT, "USDT", "paper", START)
    ledger.reconcile(ACCOUNT, {"USDT": Decimal(100)}, at_revision=0, at=START, venue_time=minutes(-5))


def halt(reason: str = "holiday", *, flatten: bool = False, by: str = OWNER) -> Halt:
    return Halt(ACCOUNT, by, reason, minutes(1), minutes(2), flatten)


def resume(ledger: Ledger, minute: float = 9) -> Halt | None:
    return ledger.resume(ACCOUNT, by=OWNER, reason="back", at=minutes(minute), venue_time=minutes(minute + 1))


def point(equity: str | Decimal, minute: float = 0) -> EquityPoint:
    return EquityPoint(ACCOUNT, minutes(minute), Decimal(equity), Decimal(0), minutes(minute))


def mark(ledger: Ledger, equity: str, minute: float = 0) -> None:
    ledger.mark_equity(point(equity, minute), at_revision=ledger.account(ACCOUNT).revision)


def transfer(amount: str, worth: str | None, before: str | None, venue_id: str = "") -> Transfer:
    return Transfer(
        account=ACCOUNT,
        asset="USDT",
        amount=Decimal(amount),
        kind=TransferKind.DEPOSIT if Decimal(amount) > 0 else TransferKind.WITHDRAWAL,
        reason="listed by the venue",
        by="venue",
        venue_time=minutes(3),
        recorded_at=minutes(4),
        amount_quote=None if worth is None else Decimal(worth),
        equity_before_quote=None if before is None else Decimal(before),
        venue_id=venue_id,
    )


def adopt(ledger: Ledger, total: str, transfers: Sequence[Transfer]) -> bool:
    revision = ledger.account(ACCOUNT).revision
    return ledger.reconcile(
        ACCOUNT,
        {"USDT": Decimal(total)},
        at_revision=revision,
        at=minutes(4),
        venue_time=minutes(3),
        transfers=transfers,
    )


def buy(ledger: Ledger, minute: int = 1, symbol: str = SYMBOL) -> None:
    about = signal(minute, symbol=symbol)
    ledger.record_signals([about], START)
    ledger.reserve(order(about, "10", quantity="0.0002"), decision(about, at=minutes(minute)))


def sell(ledger: Ledger, minute: int, quantity: str = "0.0001") -> None:
    about = signal(minute, Direction.SHORT)
    ledger.record_signals([about], START)
    ledger.reserve(order(about, quantity, side=Side.SELL, quantity=quantity), decision(about, EXIT))


def round_trip(ledger: Ledger, minute: int, price: str, symbol: str = SYMBOL) -> None:
    """A position bought at 50,000 and sold at that price a minute later."""
    for side, at, worth in ((Side.BUY, minute, "50000"), (Side.SELL, minute + 1, price)):
        about = signal(at, Direction.LONG if side is Side.BUY else Direction.SHORT, symbol)
        made = order(about, "10" if side is Side.BUY else "0.0002", side=side, quantity="0.0002")
        ledger.record_signals([about], START)
        ledger.reserve(made, decision(about, EXIT if side is Side.SELL else ENTRY))
        ledger.mark_submitted(made.client_order_id, START)
        done = fill(f"{symbol} {at}", "0.0002", worth, fee_asset="BNB", at=minutes(at))
        ledger.book(report(made, OrderStatus.FILLED, done), instrument(symbol), START)


# the kill switch
def test_a_halted_account_reserves_no_entry_until_it_is_resumed(ledger: Ledger) -> None:
    stored = ledger.halt(halt())
    assert ledger.halt_in_force(ACCOUNT) == stored == replace(halt(), number=stored.number)
    before = ledger.account(ACCOUNT)

    with pytest.raises(AccountHalted, match="holiday"):
        buy(ledger)

    assert ledger.account(ACCOUNT) == before
    assert ledger.recent_orders(ACCOUNT, 9) == []
    assert resume(ledger) is not None
    buy(ledger)
    assert len(ledger.recent_orders(ACCOUNT, 9)) == 1


def test_an_entry_that_was_reserved_before_the_halt_leaves_no_more(ledger: Ledger) -> None:
    buy(ledger)
    [reserved] = ledger.recent_orders(ACCOUNT, 9)
    ledger.halt(halt())

    with pytest.raises(AccountHalted, match="holiday"):
        ledger.mark_submitted(reserved.client_order_id, minutes(3))

    assert ledger.order(reserved.client_order_id) == reserved
    assert len(ledger.order_events(reserved.client_order_id)) == 1
    resume(ledger)
    ledger.mark_submitted(reserved.client_order_id, minutes(3))


def test_an_exit_that_was_reserved_before_the_halt_leaves(ledger: Ledger) -> None:
    revision = ledger.account(ACCOUNT).revision
    ledger.reconcile(ACCOUNT, {"BTC": Decimal("0.001")}, at_revision=revision, at=START)
    sell(ledger, 2)
    ledger.halt(halt())
    [reserved] = ledger.recent_orders(ACCOUNT, 9)

    ledger.mark_submitted(reserved.client_order_id, minutes(3))

    sent = ledger.order(reserved.client_order_id)
    assert sent is not None
    assert sent.status is OrderStatus.SUBMITTED


def test_a_halted_account_still_sells(ledger: Ledger) -> None:
    revision = ledger.account(ACCOUNT).revision
    ledger.reconcile(ACCOUNT, {"BTC": Decimal("0.001")}, at_revision=revision, at=START)
    ledger.halt(halt())

    sell(ledger, 2)

    assert ledger.recent_orders(ACCOUNT, 9)[0].side is Side.SELL


def test_the_first_halt_counts_and_flatten_is_added_to_it(ledger: Ledger) -> None:
    first = ledger.halt(halt("drawdown", by="max_drawdown"))
    assert ledger.halt(halt("second thought")) == first
    flat = ledger.halt(halt("sell it all", flatten=True))
    assert flat == replace(first, flatten=True)
    assert ledger.halt(halt("not flat")) == flat
    assert ledger.halts(ACCOUNT, 9) == [flat]


def test_resuming_ends_the_halt_and_keeps_its_story(ledger: Ledger) -> None:
    assert resume(ledger) is None
    first = ledger.halt(halt())
    ended = resume(ledger)
    assert ended == replace(
        first, resumed_at=minutes(9), resumed_venue_time=minutes(10), resumed_by=OWNER, resume_reason="back"
    )
    assert ledger.halt_in_force(ACCOUNT) is None
    second = ledger.halt(halt("again"))
    assert second.number != first.number
    assert ledger.halts(ACCOUNT, 1) == [second]
    assert ledger.halts(ACCOUNT, 9) == [second, ended]


def test_halting_an_unknown_account_is_a_mistake(ledger: Ledger) -> None:
    with pytest.raises(FixSettings, match="nobody"):
        ledger.halt(replace(halt(), account="nobody"))
    with pytest.raises(FixSettings, match="nobody"):
        ledger.mark_equity(replace(point("1"), account="nobody"), at_revision=0)
    assert ledger.halt_in_force("nobody") is None


# marks
def test_marks_follow_the_equity(ledger: Ledger) -> None:
    assert ledger.equity_marks(ACCOUNT) is None
    for minute, equity in enumerate(["100", "120", "90"]):
        mark(ledger, equity, minute)
    marks = ledger.equity_marks(ACCOUNT)
    assert marks is not None
    assert (marks.peak_quote, marks.last_quote, marks.day_open_quote) == (120, 90, 100)
    mark(ledger, "95", 24 * 60)
    marks = ledger.equity_marks(ACCOUNT)
    assert marks is not None
    assert (marks.day, marks.day_open_quote) == (minutes(24 * 60).date(), 90)


def test_a_valuation_of_before_the_latest_change_moves_nothing(ledger: Ledger) -> None:
    mark(ledger, "100")
    revision = ledger.account(ACCOUNT).revision
    adopt(ledger, "50", [transfer("-50", "-50", "100")])
    before = ledger.equity_marks(ACCOUNT)
    assert ledger.mark_equity(point("100"), at_revision=revision) == before == ledger.equity_marks(ACCOUNT)


def test_a_resume_begins_the_drawdown_anew(ledger: Ledger) -> None:
    for equity in ("100", "70"):
        mark(ledger, equity)
    ledger.halt(halt(by="max_drawdown"))
    resume(ledger)
    marks = ledger.equity_marks(ACCOUNT)
    assert marks is not None
    assert marks.drawdown_of(Decimal(70)) == 0


# transfers
def test_a_withdrawal_is_no_loss_and_a_deposit_no_profit(ledger: Ledger) -> None:
    for equity in ("125", "100"):
        mark(ledger, equity)
    assert adopt(ledger, "20", [transfer("-80", "-80", "100", "w1")])
    marks = ledger.equity_marks(ACCOUNT)
    assert marks is not None
    assert (marks.peak_quote, marks.last_quote) == (25, 20)
    assert marks.drawdown_of(Decimal(20)) == Decimal("0.2")
    assert ledger.transfers(ACCOUNT, 9) == [transfer("-80", "-80", "100", "w1")]


def test_a_transfer_of_the_venue_is_booked_once(ledger: Ledger) -> None:
    mark(ledger, "100")
    for _ in range(2):
        adopt(ledger, "150", [transfer("50", "50", "100", "d1")])
    marks = ledger.equity_marks(ACCOUNT)
    assert marks is not None
    assert marks.peak_quote == 150
    assert len(ledger.transfers(ACCOUNT, 9)) == 1
    assert ledger.known_transfers(ACCOUNT, ["d1", "d2"]) == {"d1"}
    assert ledger.known_transfers(ACCOUNT, []) == frozenset()


def test_a_transfer_without_a_price_moves_no_mark(ledger: Ledger) -> None:
    mark(ledger, "100")
    adopt(ledger, "100", [transfer("5", None, "100"), transfer("5", "5", None)])
    marks = ledger.equity_marks(ACCOUNT)
    assert marks is not None
    assert marks.peak_quote == 100
    assert len(ledger.transfers(ACCOUNT, 9)) == 2


def test_marks_begin_anew_after_an_account_was_emptied(ledger: Ledger) -> None:
    mark(ledger, "100")
    adopt(ledger, "0", [transfer("-100", "-100", "100")])
    assert ledger.equity_marks(ACCOUNT) is None


def test_nothing_is_booked_if_the_totals_are_not_adopted(ledger: Ledger) -> None:
    buy(ledger)
    assert not adopt(ledger, "150", [transfer("50", "50", "100", "d1")])
    assert ledger.transfers(ACCOUNT, 9) == []


def test_the_venue_time_of_a_reconciliation_is_kept(ledger: Ledger) -> None:
    assert ledger.account(ACCOUNT).reconciled_venue_time == minutes(-5)


# differences
def test_differences_are_replaced_and_keep_since_when_they_stand(ledger: Ledger) -> None:
    def seen(asset: str, at: datetime) -> BalanceDifference:
        return BalanceDifference(asset, Decimal(1), Decimal(3), Decimal(2), "unknown", at, at)

    ledger.record_differences(ACCOUNT, [seen("USDT", minutes(1)), seen("BTC", minutes(1))])
    ledger.record_differences(ACCOUNT, [seen("USDT", minutes(2)), seen("ETH", minutes(2))])
    assert ledger.balance_differences(ACCOUNT) == [
        seen("ETH", minutes(2)),
        replace(seen("USDT", minutes(2)), found_at=minutes(1)),
    ]
    ledger.record_differences(ACCOUNT, [])
    assert ledger.balance_differences(ACCOUNT) == []


# what the rules look at
def test_closed_trades_newest_first_with_what_they_brought(ledger: Ledger) -> None:
    round_trip(ledger, 1, "49000")
    round_trip(ledger, 5, "51000")
    trades = ledger.closed_trades(ACCOUNT, 9)
    assert [(t.symbol, t.closed_at, t.realized_pnl_quote) for t in trades] == [
        (SYMBOL, minutes(6), Decimal("0.2")),
        (SYMBOL, minutes(2), Decimal("-0.2")),
    ]
    assert ledger.closed_trades(ACCOUNT, 1) == trades[:1]
    assert ledger.closed_trades(ACCOUNT, 9, since=minutes(2)) == trades[:1]
    assert ledger.closed_trades(ACCOUNT, 9, strategy=trades[0].strategy, since=minutes(6)) == []


def test_trades_closed_at_one_moment_come_by_symbol(ledger: Ledger) -> None:
    for symbol in (SYMBOL, "ADA/USDT", "ETH/USDT"):
        round_trip(ledger, 1, "51000", symbol)
    assert [trade.symbol for trade in ledger.closed_trades(ACCOUNT, 9)] == ["ADA/USDT", SYMBOL, "ETH/USDT"]
    assert [trade.symbol for trade in ledger.closed_trades(ACCOUNT, 1)] == ["ADA/USDT"]


def test_known_trades_are_those_that_were_booked(ledger: Ledger) -> None:
    round_trip(ledger, 1, "49000")
    assert ledger.known_trades(ACCOUNT, SYMBOL, [f"{SYMBOL} 1", "foreign"]) == {f"{SYMBOL} 1"}
    assert ledger.known_trades(ACCOUNT, "ETH/USDT", [f"{SYMBOL} 1"]) == frozenset()
    assert ledger.known_trades(ACCOUNT, SYMBOL, []) == frozenset()


def test_entries_since_a_moment(ledger: Ledger) -> None:
    for minute, symbol in ((3, SYMBOL), (1, "ETH/USDT"), (2, "SOL/USDT")):
        buy(ledger, minute, symbol)
    assert ledger.entries_since(ACCOUNT, minutes(1)) == [minutes(2), minutes(3)]
    assert ledger.entries_since("other", minutes(0)) == []


# real money
def test_a_live_account_reserves_entries_only_while_it_is_armed(ledger: Ledger) -> None:
    ledger.open_account("real", "USDT", "live", START)
    ledger.reconcile("real", {"USDT": Decimal(100), "BTC": Decimal(1)}, at_revision=0, at=START)
    entry, exit_ = replace(signal(1), account="real"), replace(signal(2, Direction.SHORT), account="real")
    ledger.record_signals([entry, exit_], START)
    before = ledger.account("real")
    with pytest.raises(NotArmed, match="real"):
        ledger.reserve(order(entry, "10"), decision(entry))
    assert ledger.account("real") == before
    ledger.reserve(order(exit_, "0.1", side=Side.SELL, quantity="0.1"), decision(exit_, EXIT))
    ledger.arm(Arming("real", "binance", OWNER, "", minutes(1)))
    bought = order(entry, "10")
    ledger.reserve(bought, decision(entry))
    assert len(ledger.recent_orders("real", 9)) == 2
    ledger.disarm("real", minutes(2))
    with pytest.raises(NotArmed, match="real"):
        ledger.mark_submitted(bought.client_order_id, minutes(2))


def test_a_permission_counts_until_it_is_withdrawn(ledger: Ledger) -> None:
    given = Arming(ACCOUNT, "binance", OWNER, "the key can't withdraw", minutes(1))
    assert ledger.arming(ACCOUNT) is None
    ledger.arm(given)
    assert ledger.arming(ACCOUNT) == given
    other = replace(given, venue="kraken", armed_at=minutes(2))
    ledger.arm(other)
    assert ledger.arming(ACCOUNT) == other
    assert ledger.disarm(ACCOUNT, minutes(3))
    assert not ledger.disarm(ACCOUNT, minutes(4))
    assert ledger.arming(ACCOUNT) is None
