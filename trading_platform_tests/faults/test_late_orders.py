"""A request that the venue takes late is found while it may still be accepted, and given up only after (I4)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from trading_platform.domain.order import OrderStatus
from trading_platform.services.trade import trade
from trading_platform_tests.support.examples import ACCOUNT
from trading_platform_tests.support.simulated import SimulatedExchange
from trading_platform_tests.support.trading_floor import TradingFloor, floor_settings

pytestmark = pytest.mark.integration

RECV_WINDOW_SECONDS = 1.5
MARGIN_SECONDS = 0.5
PATIENCE_SECONDS = 60


@pytest.fixture
def impatient(database_url: str, venue: SimulatedExchange) -> TradingFloor:
    """A floor that reaches the end of recvWindow quickly, in real time."""
    settings = floor_settings(database_url, venue)
    quick = {
        "venue": settings.venue.model_copy(update={"recv_window_ms": int(1000 * RECV_WINDOW_SECONDS)}),
        "execution": settings.execution.model_copy(
            update={"clock_margin_seconds": MARGIN_SECONDS, "follow_seconds": 0.1, "poll_seconds": 0.05}
        ),
    }
    floor = TradingFloor(settings.model_copy(update=quick), venue)
    floor.trade_until_quiet()
    return floor


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _trade_until_settled(floor: TradingFloor) -> list[OrderStatus]:
    """What the order was after each run."""
    seen: list[OrderStatus] = []

    def settled() -> bool:
        trade(floor.desk())
        [order] = floor.platform.ledger.recent_orders(ACCOUNT, 9)
        seen.append(order.status)
        return order.status.is_final

    _until(settled)
    return seen


@pytest.mark.parametrize("shape", ["cut", "504"])
@pytest.mark.parametrize("hold_seconds", [0.2, 0.8, 1.2])
def test_an_order_that_is_accepted_within_its_window_is_found(
    impatient: TradingFloor, shape: str, hold_seconds: float
) -> None:
    impatient.says(60)
    impatient.venue.control.fault("hold_order", shape=shape, hold_seconds=hold_seconds, count=1)

    seen = _trade_until_settled(impatient)

    assert set(seen[:-1]) <= {OrderStatus.UNKNOWN}
    assert seen[-1] is OrderStatus.FILLED
    assert len(impatient.venue_orders()) == 1
    impatient.assert_books_agree()


def test_an_order_whose_window_passes_is_given_up_and_its_money_freed(impatient: TradingFloor) -> None:
    impatient.says(60)
    impatient.venue.control.fault("hold_order", shape="cut", hold_seconds=RECV_WINDOW_SECONDS + 0.2, count=1)
    trade(impatient.desk())
    [sent] = impatient.platform.ledger.recent_orders(ACCOUNT, 9)
    assert sent.submitted_at is not None

    seen = _trade_until_settled(impatient)

    assert set(seen[:-1]) <= {OrderStatus.UNKNOWN}
    assert seen[-1] is OrderStatus.EXPIRED
    last = impatient.platform.ledger.order_events(sent.client_order_id)[-1]
    assert (last.at - sent.submitted_at).total_seconds() > RECV_WINDOW_SECONDS + MARGIN_SECONDS
    assert impatient.venue_orders() == []
    impatient.assert_books_agree()


def test_a_request_that_arrives_after_its_window_is_refused_by_the_venue_itself(impatient: TradingFloor) -> None:
    """So giving an order up after it can't be wrong."""
    impatient.says(60)
    impatient.venue.control.fault("delay", delay_seconds=1.7, endpoint="order_placement", count=1)
    report = trade(impatient.desk())
    assert report.left_open == ()
    [refused] = impatient.platform.ledger.recent_orders(ACCOUNT, 9)
    assert refused.status is OrderStatus.REJECTED
    assert impatient.platform.ledger.order_events(refused.client_order_id)[-1].code == "-1021"
    assert impatient.venue_orders() == []
