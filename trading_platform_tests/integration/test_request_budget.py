"""Several processes against an exchange that means its limits: with one budget none is refused, let alone banned."""

from __future__ import annotations

import multiprocessing
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pytest

from trading_platform.adapters.ccxt_exchange.client import CcxtClient, VenueAccess
from trading_platform.adapters.local_request_budget import FailSafeRequestBudget
from trading_platform.adapters.postgres.engine import make_engine
from trading_platform.adapters.postgres.request_budget import PostgresRequestBudget
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.request_limits import Charge
from trading_platform.simulator.limits import LimitSettings
from trading_platform.simulator.server import ServerSettings
from trading_platform_tests.support.simulated import SimulatedExchange, simulated_exchange
from trading_platform_tests.support.simulated_access import access_to

pytestmark = pytest.mark.integration

WEIGHT = 200
PROCESSES = 3
SECONDS = 1.5


class Box(Protocol):
    """A queue within a process, or between processes."""

    def put(self, heard: Counter[str]) -> None: ...
    def get(self) -> Counter[str]: ...


class Unlimited:
    """No budget at all."""

    def take(self, venue: str, charges: Sequence[Charge], share: float) -> float:
        """Whatever is asked for."""
        return 0.0

    def silence(self, venue: str, seconds: float) -> None:
        """Not listened to."""


def hammer(access: VenueAccess, database_url: str | None, box: Box) -> None:
    """Ask as fast as it goes, whatever the answers, and tell what they were."""
    budget = FailSafeRequestBudget(PostgresRequestBudget(make_engine(database_url))) if database_url else Unlimited()
    client, heard = CcxtClient(access, budget=budget), Counter[str]()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            client.market("BTC/USDT")
            client.read("book", lambda exchange: exchange.fetch_order_book("BTC/USDT", 100))
            heard["answered"] += 1
        except RetryLater as refused:
            heard["429"] += "HTTP 429" in str(refused)
            heard["418"] += "HTTP 418" in str(refused)
            heard["put off"] += "not sent" in str(refused)
            time.sleep(0.01)
    box.put(heard)


def hammered(venue: SimulatedExchange, kind: Any, box: Box, database_url: str | None) -> Counter[str]:
    """What several processes or threads hear together."""
    hammers = [kind(target=hammer, args=(access_to(venue), database_url, box)) for _ in range(PROCESSES)]
    for each in hammers:
        each.start()
    heard = sum((box.get() for _ in hammers), Counter[str]())
    for each in hammers:
        each.join(10)
    return heard


@pytest.fixture(scope="module")
def narrow() -> Iterator[SimulatedExchange]:
    """An exchange that soon refuses, and then bans."""
    limits = ServerSettings(LimitSettings(weight_per_minute=WEIGHT, refusals_before_ban=3))
    with simulated_exchange(settings=limits) as venue:
        yield venue


def test_nobody_is_refused_where_all_share_one_budget(narrow: SimulatedExchange, database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    heard = hammered(narrow, context.Process, context.SimpleQueue(), database_url)
    assert (heard["418"], heard["429"]) == (0, 0), heard
    assert heard["answered"] >= 5
    assert heard["put off"] > 0


def test_without_a_budget_all_are_refused_and_then_banned(narrow: SimulatedExchange) -> None:
    """So the test above can fail."""
    heard = hammered(narrow, threading.Thread, queue.SimpleQueue(), None)
    assert heard["429"] >= 1, heard
    assert heard["418"] >= 1, heard


def test_a_fast_replay_is_not_held_back() -> None:
    """The exchange states the limits of its own pace, and they are what counts."""
    settings = ServerSettings(LimitSettings().scaled(60))
    with simulated_exchange(settings=settings, speed=60) as venue:
        client = CcxtClient(access_to(venue))
        client.markets()
        for _ in range(60):  # of 50 each: more than an exchange of ordinary pace allows at once
            client.read("book", lambda exchange: exchange.fetch_order_book("BTC/USDT", 1000))


def test_a_database_that_is_gone_holds_nobody_up() -> None:
    nowhere = FailSafeRequestBudget(PostgresRequestBudget(make_engine("postgresql://a:b@127.0.0.1:9/none")))
    with simulated_exchange() as venue:
        client = CcxtClient(access_to(venue), budget=nowhere)
        assert client.market("BTC/USDT")
