"""An account whose worth isn't known reaches the owner: no drawdown can halt it meanwhile (I6)."""

from __future__ import annotations

from decimal import Decimal

from trading_platform.domain.risk import ReasonCode
from trading_platform.services.watch_valuation import ValuationWatch
from trading_platform_tests.services.workplace import CLOSE, Workplace
from trading_platform_tests.support.examples import SYMBOL

ETH = "ETH/USDT"
PATIENCE = 60.0


def _look(watch: ValuationWatch, place: Workplace) -> str | None:
    return watch.look(place.ledger, place.store, place.journal, place.clock, place.settings)


def test_doubt_that_lasts_is_told_once_and_so_is_its_end() -> None:
    place, watch = Workplace(), ValuationWatch(PATIENCE)
    place.buys(ETH)
    assert _look(watch, place) is None
    for _ in range(3):
        place.clock.advance(PATIENCE)
        place.refresh({SYMBOL: Decimal(50000)})
        assert ETH in (_look(watch, place) or "")
        assert len(place.journal.open_incidents()) == (_ > 0)

    place.refresh()
    assert _look(watch, place) is None
    assert [message.title for message in place.journal.undelivered(9)] == [
        "What the account is worth isn't known",
        "The account's worth is known again",
    ]


def test_doubt_of_a_moment_is_not_told() -> None:
    place, watch = Workplace(), ValuationWatch(PATIENCE)
    place.buys(ETH)
    for _ in range(4):  # a price that is late again and again
        place.clock.advance(50)
        assert _look(watch, place)
        place.later(1)
        assert _look(watch, place) is None
    assert place.journal.undelivered(9) == []


def test_nothing_is_bought_by_a_worth_in_doubt() -> None:
    place = Workplace()
    place.buys(ETH)
    place.clock.advance(60)
    place.refresh({SYMBOL: Decimal(50000)})
    said = place.says(CLOSE + 1)
    assert place.trade().entries == ()
    assert place.reasons(said) == [ReasonCode.NO_FRESH_PRICE]
    assert ETH in place.decisions(said)[0].message

    place.refresh()
    assert len(place.trade().entries) == 1
