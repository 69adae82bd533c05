"""Real money needs the owner's typed word and a key that can't take money away."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trading_platform.domain.arming import Arming, KeyPermissions, confirmation_phrase
from trading_platform.domain.errors import FixSettings, NotArmed
from trading_platform.services.arm_account import arm_account, disarm_account, why_not_armed
from trading_platform.settings import Settings
from trading_platform_tests.services.workplace import Workplace
from trading_platform_tests.support.examples import START, decision, order, signal
from trading_platform_tests.support.plain_settings import plain_settings

LIVE: dict[str, Any] = {
    "account": {"mode": "live", "name": "real"},
    "venue": {"name": "binance", "api_key": "key", "api_secret": "secret"},
}


@pytest.fixture
def place() -> Workplace:
    return Workplace()


@pytest.fixture
def settings() -> Settings:
    return plain_settings(**LIVE)


def arm(place: Workplace, account: str = "real", typed: str | None = None) -> Arming:
    phrase = confirmation_phrase("real", "binance") if typed is None else typed
    return arm_account(place.ledger, place.broker, place.clock, account, "USDT", "binance", phrase)


def test_arming_is_recorded_with_what_the_key_may_do(place: Workplace, settings: Settings) -> None:
    assert "trading-platform arm --account real --venue binance" in why_not_armed(place.ledger, settings)

    given = arm(place)

    assert place.ledger.arming("real") == given
    assert "can't withdraw" in given.note
    assert why_not_armed(place.ledger, settings) == ""


@pytest.mark.parametrize("typed", ["", "yes", "trade real money with main on binance", "Trade real money"])
def test_only_the_exact_phrase_arms(place: Workplace, typed: str) -> None:
    with pytest.raises(FixSettings, match="exactly 'trade real money with real on binance'"):
        arm(place, typed=typed)
    assert place.ledger.arming("real") is None


@pytest.mark.parametrize(
    ("permissions", "words"),
    [
        (KeyPermissions(can_trade=True, can_withdraw=True, is_bound_to_addresses=True), "may withdraw"),
        (KeyPermissions(can_trade=False, can_withdraw=False, is_bound_to_addresses=True), "may not trade"),
    ],
)
def test_a_key_that_may_do_too_much_or_too_little_arms_nothing(
    place: Workplace, permissions: KeyPermissions, words: str
) -> None:
    place.broker.permissions = permissions
    with pytest.raises(FixSettings, match=words):
        arm(place)
    assert place.ledger.arming("real") is None


def test_a_paper_account_is_not_armed(place: Workplace) -> None:
    with pytest.raises(FixSettings, match="opened as paper"):
        arm(place, "main", "trade real money with main on binance")


def test_disarming_counts_at_once(place: Workplace, settings: Settings) -> None:
    arm(place)
    assert disarm_account(place.ledger, place.clock, "real")
    assert not disarm_account(place.ledger, place.clock, "real")
    assert "isn't armed" in why_not_armed(place.ledger, settings)


def test_a_permission_for_another_venue_is_none(place: Workplace, settings: Settings) -> None:
    arm(place)
    place.ledger.arm(Arming("real", "kraken", "owner", "", START))
    assert "armed for kraken, not for binance" in why_not_armed(place.ledger, settings)


def test_the_ledger_itself_reserves_nothing_unarmed(place: Workplace) -> None:
    place.ledger.open_account("real", "USDT", "live", START)
    place.ledger.reconcile("real", {"USDT": Decimal(100)}, at_revision=0, at=START)
    about = replace(signal(), account="real")
    place.ledger.record_signals([about], START)

    with pytest.raises(NotArmed):
        place.ledger.reserve(order(about, "10"), decision(about))
