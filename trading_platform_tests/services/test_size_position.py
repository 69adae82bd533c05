"""A size rests on the account, on the signal's own candles and on the strategy's own trades."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trading_platform.domain.candle import Candle
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.strategies.base import Direction
from trading_platform.services.candle_windows import indicator_windows
from trading_platform.services.size_position import ATR, entry_limits, planned_exit, seen_market
from trading_platform_tests.fakes import FakeSeriesStore
from trading_platform_tests.services.workplace import CLOSE, PRICES, QUICK, Workplace
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, instrument, minutes, signal
from trading_platform_tests.support.plain_settings import plain_settings

WINDOW = 50


def _moving(number: int) -> list[Candle]:
    """Candles that swing more and more."""
    made = []
    for minute in range(number):
        swing = Decimal(10 + minute)
        close = Decimal(50000) + (swing if minute % 2 else -swing)
        made.append(Candle(minutes(minute), Decimal(50000), 50000 + 2 * swing, 50000 - 2 * swing, close, Decimal(1)))
    return made


@pytest.fixture
def store() -> FakeSeriesStore:
    filled = FakeSeriesStore()
    filled.write_candles(SYMBOL, MINUTE, _moving(100), source="rest", received_at=START)
    return filled


def test_the_market_is_the_window_that_the_signal_was_judged_on(store: FakeSeriesStore) -> None:
    said = signal(80)  # its candle opened in minute 79; twenty more have closed since

    seen = seen_market(store, said, WINDOW)

    judged = dict(indicator_windows(store, SYMBOL, MINUTE, minutes(78), [ATR], WINDOW))[minutes(79)]
    assert seen.candle_open == minutes(79)
    assert seen.atr is not None
    assert float(seen.atr) == judged["atr_14"].iloc[-1]
    assert seen.volatility is not None
    assert seen.volatility > 0


def test_later_candles_change_nothing(store: FakeSeriesStore) -> None:
    before = FakeSeriesStore()
    before.write_candles(SYMBOL, MINUTE, _moving(80), source="rest", received_at=START)
    assert seen_market(store, signal(80), WINDOW) == seen_market(before, signal(80), WINDOW)


@pytest.mark.parametrize(("candles", "atr", "volatility"), [(0, False, False), (2, False, False), (10, False, True)])
def test_too_few_candles_say_nothing(candles: int, atr: bool, volatility: bool) -> None:
    store = FakeSeriesStore()
    if candles:
        store.write_candles(SYMBOL, MINUTE, _moving(candles), source="rest", received_at=START)
    seen = seen_market(store, signal(max(candles, 1)), WINDOW)
    assert (seen.atr is not None, seen.volatility is not None) == (atr, volatility)


def test_a_market_that_stands_still_has_no_range() -> None:
    place = Workplace()
    seen = seen_market(place.store, signal(CLOSE), WINDOW)
    assert (seen.atr, seen.volatility) == (None, 0.0)


def test_the_exit_is_where_protection_would_put_it() -> None:
    pair = instrument()
    by_range = plain_settings(protection={"stop_limit_offset_percent": Decimal("0.5")})
    exit_ = planned_exit(Decimal(50000), Decimal(500), by_range, pair)
    assert (exit_.stop_price, exit_.stop_limit) == (Decimal(48500), Decimal("48257.50"))  # three ranges, then 0.5 %
    without = planned_exit(Decimal(50000), None, plain_settings(), pair)
    assert (without.stop_price, without.stop_limit) == (Decimal(49000), None)


def _wide(settings_methods: list[str]) -> Workplace:
    """A market whose range is 4 % of its price: the stop lies 8 % away, the most that is allowed."""
    place = Workplace(
        plain_settings(**{**QUICK, "protection": {"enabled": False}}, sizing={"methods": settings_methods})
    )
    price = PRICES[SYMBOL]
    wide = [
        Candle(minutes(CLOSE - back), price, price + 1000, price - 1000, price, Decimal(1)) for back in range(50, 0, -1)
    ]
    place.store.write_candles(SYMBOL, MINUTE, wide, source="rest", received_at=START)
    return place


def test_a_far_stop_makes_the_position_smaller() -> None:
    near, far = Workplace(), _wide(["fixed_fraction", "fixed_risk"])
    assert far.buys().quantity < near.buys().quantity
    [approval] = far.decisions(signal(CLOSE))
    assert "most conservative: fixed_risk" in approval.details["sizing"]
    assert approval.details["market"]["candle_open"] == minutes(CLOSE - 1).isoformat()
    assert Decimal(approval.details["market"]["atr"]) == 2000


def test_a_strategys_own_record_sizes_its_next_trade() -> None:
    settings = plain_settings(
        **QUICK, sizing={"methods": ["kelly"], "kelly_prior_trades": 1}, risk={"cooldown_seconds": 0}
    )
    place = Workplace(settings, start_with={"USDT": Decimal(500)})
    first = place.buys()
    assert first.quantity == Decimal("0.00020")  # nothing is known of it: the floor of 10
    place.broker.prices[SYMBOL] = Decimal(60000)
    place.later(60)
    place.says(CLOSE + 1, Direction.SHORT)
    place.trade()
    place.broker.prices[SYMBOL] = Decimal(50000)
    place.later(60)

    second = place.buys(minute=CLOSE + 2)

    # one trade of one won: weight 1/2, of that the half, within the cap of 25 % of some 502 USDT
    assert second.quantity == Decimal("0.00250")
    [approval] = place.decisions(signal(CLOSE + 2))
    assert "1 of 1 trades won" in approval.details["sizing"][0]
    place.later(60)
    other = place.buys("ETH/USDT", strategy="mean_reversion", minute=CLOSE + 3)
    assert other.quantity == Decimal("0.00500")  # 10 at 2000: it has no trades of its own


def test_unknown_volatility_buys_nothing() -> None:
    settings = plain_settings(**QUICK, sizing={"methods": ["volatility_target"]})
    place = Workplace(settings)
    said = place.says()
    place.trade()
    assert place.reasons(said) == [ReasonCode.NO_SIZE]  # its price stood still


def test_limits_are_those_of_the_settings() -> None:
    settings = plain_settings(risk={"notional_floor_quote": 7, "fraction_of_equity": "0.2"})
    limits = entry_limits(settings, Decimal(0))
    assert (limits.notional_floor_quote, limits.fraction_of_equity, limits.slippage_bps) == (7, Decimal("0.2"), 0)
    assert limits.largest_share(Decimal(50)) == Decimal("0.80")
