"""The look at everything: a store of market data that is silent hides neither money nor trouble."""

from __future__ import annotations

from trading_platform.domain.errors import RetryLater
from trading_platform.services.summarise_platform import summarise
from trading_platform_tests.fakes import FakeSeriesStore
from trading_platform_tests.services.workplace import Workplace
from trading_platform_tests.support.examples import ACCOUNT, MINUTE, SYMBOL


class Silent(FakeSeriesStore):
    """Doesn't answer."""

    def tickers(self, symbols):  # type: ignore[no-untyped-def]
        raise RetryLater("the store has gone away")


def test_money_is_told_while_the_store_is_silent() -> None:
    place = Workplace()
    answering = summarise(place.ledger, place.store, place.journal, place.clock, ACCOUNT, [SYMBOL], [MINUTE], 45.0)
    silent = summarise(place.ledger, Silent(), place.journal, place.clock, ACCOUNT, [SYMBOL], [MINUTE], 45.0)

    assert answering.market_trouble == ""
    assert [series.symbol for series in answering.freshness] == [SYMBOL]
    assert silent.market_trouble == "the store has gone away"
    assert (silent.freshness, silent.prices, silent.equity) == ((), {}, None)
    assert silent.account == answering.account
