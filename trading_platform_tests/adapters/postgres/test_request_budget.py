"""The shared budget when the wall clock is set back: nobody waits for the time that was taken away."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from trading_platform.adapters.postgres.engine import transaction
from trading_platform.adapters.postgres.request_budget import PostgresRequestBudget
from trading_platform.domain.request_limits import Charge, RequestLimit

pytestmark = pytest.mark.integration

ALL = [Charge(RequestLimit("weight", 100, 1), 100)]
VENUE = "clock"


def _as_by_a_clock_an_hour_ahead(engine: Engine) -> None:
    hour = {"hour": 3600}
    with transaction(engine) as connection:
        connection.execute(
            text(
                "UPDATE request_silences SET until = until + make_interval(secs => :hour),"
                " set_at = set_at + make_interval(secs => :hour)"
            ),
            hour,
        )
        connection.execute(text("UPDATE request_levels SET at = at + make_interval(secs => :hour)"), hour)


def test_a_silence_lasts_no_longer_than_was_asked_for(engine: Engine) -> None:
    budget = PostgresRequestBudget(engine)
    budget.silence(VENUE, 30)
    _as_by_a_clock_an_hour_ahead(engine)
    assert 29 < budget.take(VENUE, ALL, 1.0) <= 30
    budget.silence(VENUE, 20)  # a shorter one doesn't end it
    assert 29 < budget.take(VENUE, ALL, 1.0) <= 30
    budget.silence(VENUE, 60)
    assert 59 < budget.take(VENUE, ALL, 1.0) <= 60


def test_what_was_taken_leaks_from_now_on(engine: Engine) -> None:
    budget = PostgresRequestBudget(engine)
    assert budget.take("level", ALL, 1.0) == 0
    first = budget.take("level", ALL, 1.0)
    assert first > 99
    _as_by_a_clock_an_hour_ahead(engine)
    assert budget.take("level", ALL, 1.0) > 99  # which is written down as of now
    with transaction(engine) as connection:
        connection.execute(text("UPDATE request_levels SET at = at - make_interval(secs => 50)"))
    assert budget.take("level", ALL, 1.0) < 60
