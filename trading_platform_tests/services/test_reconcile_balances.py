"""The ledger's balances become the venue's, at moments when the two can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

import pytest

from trading_platform.ports.broker import VenueBalance
from trading_platform.services.reconcile_balances import reconcile_balances
from trading_platform_tests.fakes import FakeBroker
from trading_platform_tests.services.workplace import Workplace
from trading_platform_tests.support.examples import ACCOUNT, decision, order


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


def test_the_first_balances_come_from_the_venue(place: Workplace) -> None:
    assert _total(place) is None

    assert reconcile_balances(place.desk())

    assert _total(place) == Decimal("84.54")
    assert place.ledger.account(ACCOUNT).reconciled_at == place.clock.wall()


def test_what_came_or_went_at_the_venue_is_adopted(place: Workplace) -> None:
    reconcile_balances(place.desk())
    place.broker.deposit(USDT=Decimal("15.46"), BNB=Decimal(1))

    assert reconcile_balances(place.desk())

    assert (_total(place), _total(place, "BNB")) == (Decimal(100), Decimal(1))


def test_a_silent_venue_leaves_the_balances_alone(place: Workplace) -> None:
    reconcile_balances(place.desk())
    place.broker.is_silent = True

    assert not reconcile_balances(place.desk())
    assert _total(place) == Decimal("84.54")


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
    place.says()
    assert isinstance(place.broker, _Slow)
    place.broker.meanwhile = place.trade

    assert not reconcile_balances(place.desk())

    assert len(place.ledger.open_positions(ACCOUNT)) == 1
    assert place.agrees_with_venue()
