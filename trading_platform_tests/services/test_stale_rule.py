"""One rule of age: the check, the trade gate and `status` say the same of the same data, to the tenth of a second."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from trading_platform.domain.check import CheckName
from trading_platform.domain.risk import ReasonCode
from trading_platform.services.check_market_data import check_series
from trading_platform.services.summarise_platform import summarise
from trading_platform.services.watch_freshness import watch_freshness
from trading_platform_tests.fakes import FakeClock
from trading_platform_tests.services.workplace import CLOSE, QUICK, Workplace
from trading_platform_tests.support.examples import ACCOUNT, MINUTE, SYMBOL, minutes
from trading_platform_tests.support.plain_settings import plain_settings

LIMIT_SECONDS = 45.0


@pytest.mark.parametrize("speed", [1.0, 60.0])
@pytest.mark.parametrize(
    ("late_seconds", "fresh"), [(-30.0, True), (44.9, True), (45.0, True), (45.1, False), (300.0, False)]
)
def test_check_gate_watch_and_status_agree(speed: float, late_seconds: float, fresh: bool) -> None:
    due = minutes(CLOSE + 1)
    clock = FakeClock(due + timedelta(seconds=late_seconds * speed), speed)
    patient = {"signal_valid_for_seconds": 86_400.0}
    place = Workplace(settings=plain_settings(**QUICK, risk=patient), clock=FakeClock(minutes(CLOSE)))
    place.clock = clock
    price = place.store.tickers([SYMBOL])[SYMBOL]
    # of a later moment at the venue, whatever our clock says: it replaces what the floor began with
    later = price.venue_time + timedelta(seconds=1)
    place.store.write_tickers([replace(price, venue_time=later, received_at=clock.wall())])
    said = place.says()

    entries = place.trade().entries

    [checked] = [
        result
        for result in check_series(place.store, clock, place.settings, SYMBOL, MINUTE)
        if result.name is CheckName.FRESH
    ]
    [shown] = summarise(
        place.ledger, place.store, place.journal, clock, ACCOUNT, [SYMBOL], [MINUTE], LIMIT_SECONDS
    ).freshness
    [watched] = watch_freshness(place.store, place.journal, clock, [SYMBOL], [MINUTE], LIMIT_SECONDS).series
    assert (checked.passed, shown.is_fresh, watched.is_fresh, bool(entries)) == (fresh, fresh, fresh, fresh)
    assert checked.reason == shown.reason == watched.reason
    assert place.reasons(said) == [ReasonCode.APPROVED if fresh else ReasonCode.DATA_NOT_TRUSTED]
    assert fresh or shown.reason in place.decisions(said)[0].message
