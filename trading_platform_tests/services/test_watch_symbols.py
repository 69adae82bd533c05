"""A pair of the settings that the venue doesn't trade reaches the owner, with the reason."""

from __future__ import annotations

from trading_platform.services.watch_symbols import watch_symbols
from trading_platform_tests.services.workplace import Workplace
from trading_platform_tests.support.examples import SYMBOL


def test_an_unknown_pair_is_told_once_and_so_is_its_mending() -> None:
    place = Workplace()
    for symbols in ([SYMBOL], [SYMBOL, "FOO/USDT"], [SYMBOL, "FOO/USDT"], [SYMBOL], [SYMBOL]):
        watch_symbols(place.broker, place.journal, place.clock, symbols)

    told = place.journal.undelivered(10)
    assert [message.title for message in told] == [
        "The settings name a pair that isn't traded",
        "Every pair of the settings is traded",
    ]
    assert "FOO/USDT" in told[0].body
