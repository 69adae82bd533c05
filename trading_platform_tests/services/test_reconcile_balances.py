"""The ledger's balances become the venue's where that is explained; anything else stops entries and is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

import pytest

from trading_platform.domain.errors import RefuseTrade
from trading_platform.domain.order import OrderRequest, Side
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.transfer import TransferKind
from trading_platform.ports.broker import VenueBalance
from trading_platform.services.protect_account import protect_account
from trading_platform.services.reconcile_balances import adopt_differences, last_compared_at, reconcile_balances
from trading_platform.services.trade import work_waiting
from trading_platform.services.watch_account import watch_account
from trading_platform_tests.fakes import FakeBroker
from trading_platform_tests.services.workplace import CLOSE, PRICES, QUICK, Workplace
from trading_platform_tests.support.examples import ACCOUNT, SYMBOL, decision, order
from trading_platform_tests.support.plain_settings import plain_settings


def test_a_deposit_is_booked_when_the_accounts_worth_is_known() -> None:
    place = Workplace(start_with={"USDT": Decimal(100)})
    place.buys()
    half = {**PRICES, SYMBOL: Decimal(25_000)}
    place.broker.trade_at(SYMBOL, half[SYMBOL])
    place.clock.advance(3600)  # with no price since
    place.broker.deposit(USDT=Decimal(300))
    place.trade()
    assert place.ledger.transfers(ACCOUNT, 9) == []
    [standing] = place.ledger.balance_differences(ACCOUNT)
    assert "booked when the account's worth is known" in standing.cause
    place.clock.advance(1)
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) != "balances to reconcile"

    place.clock.advance(61)
    place.refresh(half)
    place.trade()
    [transfer] = place.ledger.transfers(ACCOUNT, 9)
    assert transfer.equity_before_quote is not None
    assert transfer.equity_before_quote < 95  # by the price of now
    assert place.agrees_with_venue()


class _Slow(FakeBroker):
    """A venue that says its balances as they were, while something happens."""

    meanwhile: Callable[[], object] | None = None

    def balances(self) -> Mapping[str, VenueBalance]:
        before = super().balances()
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        return before


@pytest.fixture
def place() -> Workplace:
    return Workplace()


def _total(place: Workplace, asset: str = "USDT") -> Decimal | None:
    balance = place.ledger.account(ACCOUNT).balances.get(asset)
    return balance.total if balance else None


def _kinds(place: Workplace) -> list[tuple[TransferKind, str, Decimal]]:
    return [(each.kind, each.asset, each.amount) for each in place.ledger.transfers(ACCOUNT, 9)]


def test_the_first_balances_come_from_the_venue(place: Workplace) -> None:
    assert _total(place) is None

    assert reconcile_balances(place.desk())

    assert _total(place) == Decimal("84.54")
    state = place.ledger.account(ACCOUNT)
    assert (state.reconciled_at, state.reconciled_venue_time) == (place.clock.wall(), place.clock.read().now)


def test_what_came_before_the_account_was_opened_explains_nothing_later(place: Workplace) -> None:
    place.broker.deposit(USDT=Decimal(10))
    reconcile_balances(place.desk())
    assert _kinds(place) == [(TransferKind.OPENING, "USDT", Decimal(10))]
    place.broker.move(USDT=Decimal(10))

    assert not reconcile_balances(place.desk())


# the owner's own money
def test_deposits_and_withdrawals_are_recognised(place: Workplace) -> None:
    reconcile_balances(place.desk())
    place.broker.deposit(USDT=Decimal("15.46"), BNB=Decimal(1))

    assert reconcile_balances(place.desk())

    assert (_total(place), _total(place, "BNB")) == (Decimal(100), Decimal(1))
    assert _kinds(place) == [(TransferKind.DEPOSIT, "USDT", Decimal("15.46"))]
    place.broker.deposit(USDT=Decimal(-50))
    place.broker.deposit(USDT=Decimal("0.5"), BTC=Decimal("0.001"))
    assert reconcile_balances(place.desk())
    assert (_total(place), _total(place, "BTC")) == (Decimal("50.5"), Decimal("0.001"))
    assert place.ledger.balance_differences(ACCOUNT) == []


def test_a_transfer_is_worth_what_its_asset_costs(place: Workplace) -> None:
    reconcile_balances(place.desk())
    place.broker.deposit(BTC=Decimal("0.001"), USDT=Decimal(10))

    reconcile_balances(place.desk())

    worth = {each.asset: (each.amount_quote, each.equity_before_quote) for each in place.ledger.transfers(ACCOUNT, 9)}
    bitcoin = Decimal("0.001") * 49999
    assert worth == {"BTC": (bitcoin, Decimal("84.54")), "USDT": (Decimal(10), Decimal("84.54") + bitcoin)}


def test_neither_profit_nor_loss(place: Workplace) -> None:
    place.trade()
    protect_account(place.ledger, place.store, place.clock, place.settings)
    place.broker.deposit(USDT=Decimal("915.46"))
    reconcile_balances(place.desk())

    marks = place.ledger.equity_marks(ACCOUNT)

    assert marks is not None
    assert (marks.peak_quote, marks.day_open_quote) == (Decimal(1000), Decimal(1000))


def test_an_asset_that_is_not_traded_is_the_owners_own_affair(place: Workplace) -> None:
    reconcile_balances(place.desk())
    place.broker.move(DOGE=Decimal(1000))

    assert reconcile_balances(place.desk())
    assert (_total(place, "DOGE"), _kinds(place)) == (Decimal(1000), [])


def test_dust_is_adopted_in_silence(place: Workplace) -> None:
    reconcile_balances(place.desk())
    place.broker.move(USDT=Decimal("-0.05"), BTC=Decimal("0.000001"))

    assert reconcile_balances(place.desk())
    assert (_total(place), _kinds(place)) == (Decimal("84.49"), [])


def test_a_venue_that_lists_no_transfers_is_taken_by_its_trades(place: Workplace) -> None:
    place.broker.lists_transfers = False
    reconcile_balances(place.desk())
    place.broker.move(USDT=Decimal(10))

    assert reconcile_balances(place.desk())

    assert _kinds(place) == [(TransferKind.DEPOSIT, "USDT", Decimal(10))]
    place.broker.trade_by_hand(OrderRequest("byhand", SYMBOL, Side.BUY, Decimal("0.001")))
    assert not reconcile_balances(place.desk())


def test_a_trade_by_hand_in_what_the_settings_no_longer_name_is_no_transfer(place: Workplace) -> None:
    place.buys()
    place.settings = plain_settings(**(QUICK | {"market": {"symbols": ["ETH/USDT"], "window_candles": 50}}))
    place.broker.lists_transfers = False
    assert reconcile_balances(place.desk())
    place.later(120)
    place.broker.trade_by_hand(OrderRequest("byhand", SYMBOL, Side.SELL, Decimal("0.0004")))

    assert not reconcile_balances(place.desk())

    causes = {each.asset: each.cause for each in place.ledger.balance_differences(ACCOUNT)}
    assert set(causes) == {"USDT", "BTC"}
    assert all("sell 0.0004" in cause for cause in causes.values())
    assert _kinds(place) == []


# what nobody explains
def test_a_difference_that_nothing_explains_stands_and_stops_entries(place: Workplace) -> None:
    reconcile_balances(place.desk())
    place.broker.move(USDT=Decimal(-20))
    said = place.says()

    assert place.trade().entries == ()

    assert _total(place) == Decimal("84.54")
    [difference] = place.ledger.balance_differences(ACCOUNT)
    assert (difference.asset, difference.amount) == ("USDT", Decimal(-20))
    assert "no trade that the ledger doesn't know" in difference.cause
    assert place.reasons(said) == [ReasonCode.BALANCE_DIFFERS]
    assert place.is_open(said)


def test_a_trade_by_hand_is_named(place: Workplace) -> None:
    reconcile_balances(place.desk())
    place.broker.trade_by_hand(OrderRequest("byhand", SYMBOL, Side.BUY, Decimal("0.001")))

    assert not reconcile_balances(place.desk())

    causes = {each.asset: each.cause for each in place.ledger.balance_differences(ACCOUNT)}
    assert set(causes) == {"USDT", "BTC"}
    assert all("buy 0.001 BTC/USDT at 50000" in cause for cause in causes.values())


def test_a_transfer_that_is_only_a_part_of_it_explains_nothing(place: Workplace) -> None:
    reconcile_balances(place.desk())
    place.broker.deposit(USDT=Decimal(10))
    place.broker.move(USDT=Decimal(5))

    assert not reconcile_balances(place.desk())

    [difference] = place.ledger.balance_differences(ACCOUNT)
    assert "lists deposit of 10" in difference.cause


def test_a_difference_that_is_gone_is_forgotten_and_both_are_told(place: Workplace) -> None:
    def watch() -> bool:
        return watch_account(place.ledger, place.journal, place.clock, ACCOUNT)

    reconcile_balances(place.desk())
    place.broker.move(USDT=Decimal(-20))
    reconcile_balances(place.desk())
    assert not watch()
    found_at = place.ledger.balance_differences(ACCOUNT)[0].found_at
    place.later(61)
    reconcile_balances(place.desk())
    assert place.ledger.balance_differences(ACCOUNT)[0].found_at == found_at

    place.broker.move(USDT=Decimal(20))

    assert reconcile_balances(place.desk())
    assert watch()
    titles = [each.title for each in place.journal.undelivered(9)]
    assert titles == ["The balances differ from the venue's", "The balances agree again"]


def test_a_standing_difference_is_looked_at_once_a_minute(place: Workplace) -> None:
    reconcile_balances(place.desk())
    place.later(61)
    place.broker.move(USDT=Decimal(-20))
    place.trade()

    assert last_compared_at(place.ledger, ACCOUNT) == place.clock.wall()
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) is None
    place.later(61)
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) == "balances to reconcile"


# the owner's word
@pytest.mark.parametrize(
    ("as_result", "kind", "drawdown"),
    [(False, TransferKind.WITHDRAWAL, Decimal(0)), (True, TransferKind.ADJUSTMENT, Decimal(1) / 4)],
)
def test_the_owner_explains_it(as_result: bool, kind: TransferKind, drawdown: Decimal) -> None:
    place = Workplace(start_with={"USDT": Decimal(80)})
    place.trade()
    protect_account(place.ledger, place.store, place.clock, place.settings)
    place.broker.move(USDT=Decimal(-20))
    reconcile_balances(place.desk())

    adopted = adopt_differences(place.desk(), "moved to savings", counts_as_result=as_result)

    assert [each.amount for each in adopted] == [Decimal(-20)]
    assert (_total(place), _kinds(place)) == (Decimal(60), [(kind, "USDT", Decimal(-20))])
    assert place.ledger.transfers(ACCOUNT, 1)[0].reason == "moved to savings"
    assert place.ledger.balance_differences(ACCOUNT) == []
    marks = place.ledger.equity_marks(ACCOUNT)
    assert marks is not None
    assert marks.drawdown_of(Decimal(60)) == drawdown


def test_what_the_venue_lists_is_used_up_by_the_owners_explanation(place: Workplace) -> None:
    reconcile_balances(place.desk())
    place.broker.deposit(USDT=Decimal(10))
    place.broker.move(USDT=Decimal(5))
    adopt_differences(place.desk(), "a gift")
    place.broker.move(USDT=Decimal(10))

    assert not reconcile_balances(place.desk())


def test_nothing_differs_nothing_is_adopted(place: Workplace) -> None:
    reconcile_balances(place.desk())
    assert adopt_differences(place.desk(), "why not") == ()


def test_nothing_is_adopted_while_an_order_is_in_flight(place: Workplace) -> None:
    reconcile_balances(place.desk())
    said = place.says()
    place.ledger.reserve(order(said, "20"), decision(said))
    place.broker.move(USDT=Decimal(5))

    with pytest.raises(RefuseTrade, match="in flight"):
        adopt_differences(place.desk(), "why not")
    assert _total(place) == Decimal("84.54")


# positions whose base has left
def test_a_withdrawal_takes_its_part_of_the_position(place: Workplace) -> None:
    bought = place.buys()
    [before] = place.ledger.open_positions(ACCOUNT)
    place.broker.deposit(BTC=-bought.quantity / 2)

    assert reconcile_balances(place.desk())

    [after] = place.ledger.open_positions(ACCOUNT)
    assert after.quantity == _total(place, "BTC") == before.quantity - bought.quantity / 2
    assert after.average_price == pytest.approx(before.average_price)
    assert after.realized_pnl_quote == 0


def test_a_position_that_left_altogether_is_closed_and_no_trade(place: Workplace) -> None:
    place.buys()
    [before] = place.ledger.open_positions(ACCOUNT)
    place.says(CLOSE + 1, Direction.SHORT)  # its exit is due
    place.broker.deposit(BTC=-before.quantity)

    report = place.trade()

    assert (report.reconciled, report.exits) == (True, ())
    assert place.ledger.open_positions(ACCOUNT) == []
    assert place.ledger.last_closed_at(ACCOUNT, SYMBOL) == place.clock.read().now
    assert place.ledger.closed_trades(ACCOUNT, 9) == []
    place.later(1)
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) is None


def test_a_run_that_was_killed_before_the_position_was_cut_is_completed(place: Workplace) -> None:
    place.buys()
    state = place.ledger.account(ACCOUNT)
    usdt, revision = state.balances["USDT"].total, state.revision
    place.broker.move(BTC=-state.balances["BTC"].total)
    assert place.ledger.reconcile(ACCOUNT, {"USDT": usdt}, at_revision=revision, at=place.clock.wall())
    assert place.ledger.open_positions(ACCOUNT)

    assert reconcile_balances(place.desk())

    assert place.ledger.open_positions(ACCOUNT) == []


def test_an_exit_of_what_is_missing_asks_for_no_run_each_second(place: Workplace) -> None:
    place.buys()
    [held] = place.ledger.open_positions(ACCOUNT)
    place.says(CLOSE + 1, Direction.SHORT)
    place.broker.move(BTC=-held.quantity)
    place.later(61)

    assert place.trade().exits == ()

    assert [each.asset for each in place.ledger.balance_differences(ACCOUNT)] == ["BTC"]
    assert work_waiting(place.ledger, place.store, place.clock, place.settings) is None
    place.broker.move(BTC=held.quantity)
    place.later(61)
    assert len(place.trade().exits) == 1
    assert place.ledger.open_positions(ACCOUNT) == []


# when it can be compared
def test_a_silent_venue_leaves_the_balances_alone(place: Workplace) -> None:
    reconcile_balances(place.desk())
    place.broker.is_silent = True

    assert not reconcile_balances(place.desk())
    assert _total(place) == Decimal("84.54")
    assert place.ledger.balance_differences(ACCOUNT) == []


def test_nothing_is_compared_while_an_order_is_in_flight(place: Workplace) -> None:
    reconcile_balances(place.desk())
    said = place.says()
    place.ledger.reserve(order(said, "20"), decision(said))
    place.broker.deposit(USDT=Decimal(1))

    assert not reconcile_balances(place.desk())
    assert _total(place) == Decimal("84.54")


def test_a_slow_answer_does_not_undo_what_was_booked_meanwhile() -> None:
    place = Workplace(broker_type=_Slow)
    reconcile_balances(place.desk())
    place.says(CLOSE)
    assert isinstance(place.broker, _Slow)
    place.broker.meanwhile = place.trade

    assert not reconcile_balances(place.desk())

    assert len(place.ledger.open_positions(ACCOUNT)) == 1
    assert place.ledger.balance_differences(ACCOUNT) == []
    assert place.agrees_with_venue()
