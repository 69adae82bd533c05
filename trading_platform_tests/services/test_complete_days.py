"""A day counts as complete when every symbol has all of it, the venue's own gaps aside."""

from __future__ import annotations

from datetime import timedelta

from trading_platform.services.complete_days import complete_days
from trading_platform_tests.services.holed_market import HoledMarket, gap
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, minutes

DAY = 1440
FIRST, SECOND, THIRD = ((START + timedelta(days=number)).date() for number in range(3))


def test_whole_days_of_every_symbol() -> None:
    market = HoledMarket(closed=3 * DAY)
    market.hold(range(100, 2 * DAY))
    assert complete_days(market.store, [SYMBOL], MINUTE, FIRST, THIRD) == {SECOND: {SYMBOL: DAY}}
    assert complete_days(market.store, [SYMBOL, "ETH/USDT"], MINUTE, FIRST, THIRD) == {}


def test_what_the_venue_lacks_is_not_waited_for() -> None:
    market = HoledMarket(closed=3 * DAY)
    market.hold([*range(100, DAY - 5), *range(DAY + 5, 2 * DAY)])
    own = [gap(0, 99), gap(DAY - 5, DAY + 4)]
    market.store.record_gaps(SYMBOL, MINUTE, own, start=START, end=minutes(2 * DAY), confirmed_at=START)
    assert complete_days(market.store, [SYMBOL], MINUTE, FIRST, SECOND) == {
        FIRST: {SYMBOL: DAY - 105},
        SECOND: {SYMBOL: DAY - 5},
    }
