"""Every rule that protects the account stands before an entry, in the decision, and never before an exit (I7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from trading_platform.domain.arming import Arming
from trading_platform.domain.halt import OWNER, Halt
from trading_platform.domain.market import Ticker
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.strategies.base import Direction
from trading_platform_tests.services.workplace import CLOSE, QUICK, Workplace, priced_candle
from trading_platform_tests.support.examples import ACCOUNT, MINUTE, START, SYMBOL, signal
from trading_platform_tests.support.plain_settings import plain_settings

ETH, SOL = "ETH/USDT", "SOL/USDT"
RULES = [
    "halted",
    "max_drawdown",
    "daily_loss",
    "losing_streak",
    "cooldown",
    "symbol_exposure",
    "total_exposure",
    "live_cap",
    "correlation",
    "order_rate",
    "price_band",
    "stale_balance",
]


def place_with(**sections: Any) -> Workplace:
    return Workplace(plain_settings(**{**QUICK, **sections}))


def last_reason(place: Workplace, symbol: str = SYMBOL, minute: int = CLOSE) -> tuple[ReasonCode, bool]:
    said = place.says(minute, symbol=symbol)
    place.trade()
    last = place.decisions(said)[-1]
    return last.reason, last.is_final


def test_the_approval_says_what_every_rule_said() -> None:
    place = place_with()
    said = place.says()
    place.trade()

    approval = place.decisions(said)[0]

    assert [verdict["rule"] for verdict in approval.details["protections"]] == RULES
    assert {verdict["verdict"] for verdict in approval.details["protections"]} == {"passed"}


def test_the_defaults_let_a_small_account_hold_all_three_symbols() -> None:
    place = place_with()
    for symbol in (SYMBOL, ETH, SOL):
        place.says(symbol=symbol)

    assert len(place.trade().entries) == 3
    assert len(place.ledger.open_positions(ACCOUNT)) == 3


def test_a_refusal_says_what_every_rule_said() -> None:
    place = place_with(account_rules={"max_daily_loss": "0.001"})
    _lose(place, "0.5")
    said = place.says(CLOSE + 10)

    place.trade()

    [refusal] = place.decisions(said)
    verdicts = {verdict["rule"]: verdict for verdict in refusal.details["protections"]}
    assert refusal.reason is ReasonCode.DAILY_LOSS
    assert verdicts["daily_loss"]["verdict"] == "refused"
    assert verdicts["daily_loss"]["until"] == (START + timedelta(days=1)).isoformat()


def _lose(place: Workplace, share: str, symbol: str = SYMBOL, minute: int = CLOSE) -> None:
    """Buy, let the price fall by that share, and sell."""
    place.buys(symbol, minute=minute)
    _fall(place, symbol, share)
    place.later(290)
    place.says(minute + 5, Direction.SHORT, symbol)
    place.trade()
    _rise(place, symbol)
    place.later(310)


def _fall(place: Workplace, symbol: str, share: str) -> None:
    _price(place, symbol, place.broker.prices[symbol] * (1 - Decimal(share)))


def _rise(place: Workplace, symbol: str) -> None:
    _price(place, symbol, {SYMBOL: Decimal(50000), ETH: Decimal(2000), SOL: Decimal(100)}[symbol])


def _price(place: Workplace, symbol: str, price: Decimal) -> None:
    place.broker.prices[symbol] = price
    now = place.clock.read()
    place.store.write_tickers([Ticker(symbol, price - price / 50000, price, price, now.now, now.wall)])


def test_losses_in_a_row_are_followed_by_a_pause_and_then_it_goes_on() -> None:
    place = place_with(account_rules={"losses_to_pause": 2, "losing_pause_seconds": 1800}, risk={"cooldown_seconds": 0})
    _lose(place, "0.001")
    _lose(place, "0.001", ETH, CLOSE + 10)
    place.refresh()

    assert last_reason(place, SOL, CLOSE + 20) == (ReasonCode.LOSING_STREAK, True)

    place.later(1800)
    assert last_reason(place, SOL, CLOSE + 50)[0] is ReasonCode.APPROVED


def test_a_resume_forgets_the_streak() -> None:
    place = place_with(account_rules={"losses_to_pause": 1, "losing_pause_seconds": 9999})
    _lose(place, "0.001")
    now = place.clock.read()
    place.ledger.halt(Halt(ACCOUNT, OWNER, "a look", now.wall, now.now))
    place.ledger.resume(ACCOUNT, by=OWNER, reason="fine", at=now.wall, venue_time=now.now)

    assert last_reason(place, ETH, CLOSE + 10)[0] is ReasonCode.APPROVED


def _correlate(place: Workplace) -> None:
    """Let two symbols move as one."""
    for symbol, price in ((SYMBOL, 50000), (ETH, 2000)):
        candles = [priced_candle(CLOSE - n, Decimal(price) * (1000 + n * n % 7) / 1000) for n in range(1, 50)]
        place.store.write_candles(symbol, MINUTE, candles, source="rest", received_at=START)


def test_a_symbol_that_moves_like_a_held_one_is_refused() -> None:
    place = place_with(account_rules={"max_correlation": 0.9})
    place.buys()
    _correlate(place)

    assert last_reason(place, ETH) == (ReasonCode.CORRELATED, True)


def test_the_room_that_the_limits_leave_bounds_the_size() -> None:
    place = place_with(limits={"max_total_exposure": "0.5"})
    place.buys()

    bought = place.buys(ETH)

    worth = bought.quantity * 2000
    assert Decimal(15) < worth <= Decimal("84.54") / 2 - Decimal("24.9")
    assert last_reason(place, SOL) == (ReasonCode.TOTAL_EXPOSURE, True)


def test_too_many_entries_wait_or_are_refused_by_when_the_minute_ends() -> None:
    place = place_with(account_rules={"max_orders_per_minute": 1})
    place.buys()

    assert last_reason(place, ETH) == (ReasonCode.ORDER_RATE, False)

    place.later(60)
    assert len(place.trade().entries) == 1


def _odd_ask(place: Workplace) -> None:
    place.clock.advance(1)
    now = place.clock.read()
    place.store.write_tickers([Ticker(SYMBOL, Decimal(49999), Decimal(50600), Decimal(50000), now.now, now.wall)])


def _old_balance(place: Workplace) -> None:
    place.settings = place.settings.model_copy(
        update={"account_rules": place.settings.account_rules.model_copy(update={"max_balance_age_seconds": -1.0})}
    )


@pytest.mark.parametrize(
    ("spoil", "reason"), [(_odd_ask, ReasonCode.PRICE_BAND), (_old_balance, ReasonCode.STALE_BALANCE)]
)
def test_what_may_heal_is_put_off(spoil: Callable[[Workplace], None], reason: ReasonCode) -> None:
    place = place_with()
    spoil(place)

    assert last_reason(place) == (reason, False)
    assert len(place.ledger.open_signals(ACCOUNT)) == 1


def test_a_refusal_that_outlasts_the_signal_is_final_though_another_would_heal() -> None:
    place = place_with(account_rules={"max_daily_loss": "0.001"})
    _lose(place, "0.5")
    _odd_ask(place)

    assert last_reason(place, minute=CLOSE + 10) == (ReasonCode.DAILY_LOSS, True)


def test_no_rule_stands_before_an_exit() -> None:
    place = place_with()
    place.buys()
    strict = {
        "max_drawdown": "0.0001",
        "max_daily_loss": "0.0001",
        "losses_to_pause": 1,
        "max_balance_age_seconds": 1e-9,
    }
    place.settings = plain_settings(**QUICK, account_rules=strict, limits={"max_total_exposure": "0.0001"})
    _fall(place, SYMBOL, "0.5")
    place.later(60)
    place.says(CLOSE + 1, Direction.SHORT)

    assert len(place.trade().exits) == 1
    assert place.ledger.open_positions(ACCOUNT) == []


def test_real_money_starts_small() -> None:
    keys = {"name": "binance", "api_key": "key", "api_secret": "secret"}
    place = place_with(account={"mode": "live", "name": "real"}, venue=keys, limits={"live_max_order_quote": "15"})
    place.ledger.open_account("real", "USDT", "live", START)
    place.ledger.arm(Arming("real", "binance", OWNER, "", START))
    said = replace(signal(CLOSE), account="real")
    place.ledger.record_signals([said], START)

    [sent] = place.trade().entries

    bought = place.ledger.order(sent)
    assert bought is not None
    assert 10 <= bought.quantity * 50000 <= 15


def test_real_money_needs_a_permission() -> None:
    keys = {"name": "binance", "api_key": "key", "api_secret": "secret"}
    place = place_with(account={"mode": "live", "name": "real"}, venue=keys)
    place.ledger.open_account("real", "USDT", "live", START)
    said = replace(signal(CLOSE), account="real")
    place.ledger.record_signals([said], START)

    assert place.trade().entries == ()

    [refusal] = place.ledger.recent_decisions("real", 9)
    assert refusal.reason is ReasonCode.NOT_ARMED
    assert "trading-platform arm --account real --venue binance" in refusal.message
