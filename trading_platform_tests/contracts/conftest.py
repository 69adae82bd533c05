"""Who fills each port: every suite in this folder runs once per entry, so an adapter joins by adding one line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import pytest
from sqlalchemy import Engine

from trading_platform.adapters.caching_series_store import CachingSeriesStore
from trading_platform.adapters.local_request_budget import FailSafeRequestBudget, LocalRequestBudget
from trading_platform.adapters.postgres.circuit_journal import PostgresCircuitJournal
from trading_platform.adapters.postgres.health_journal import PostgresHealthJournal
from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform.adapters.postgres.request_budget import PostgresRequestBudget
from trading_platform.adapters.postgres.series_store import PostgresSeriesStore
from trading_platform.adapters.postgres.store_spool import PostgresStoreSpool
from trading_platform.adapters.postgres.stream_journal import PostgresStreamJournal
from trading_platform.adapters.recalling_ledger import RecallingLedger
from trading_platform.adapters.spooling_series_store import SpoolingSeriesStore
from trading_platform.adapters.store_guard import StoreGuard
from trading_platform.ports.circuit_journal import CircuitJournal
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.ledger import Ledger
from trading_platform.ports.request_budget import RequestBudget
from trading_platform.ports.series_store import SeriesStore
from trading_platform.ports.store_spool import StoreSpool
from trading_platform.ports.stream_journal import StreamJournal
from trading_platform_tests.contracts.ccxt_sites import ccxt_broker, ccxt_feed, kraken_feed, okx_feed
from trading_platform_tests.contracts.news_sites import NewsSite, ccxt_news, fake_news
from trading_platform_tests.contracts.sites import BrokerSite, FeedSite, fake_broker, fake_feed
from trading_platform_tests.fakes import (
    FakeCircuitJournal,
    FakeHealthJournal,
    FakeLedger,
    FakeRequestBudget,
    FakeSeriesStore,
    FakeStoreSpool,
    FakeStreamJournal,
)
from trading_platform_tests.support.influx.sites import INFLUX_SITES, InfluxSite
from trading_platform_tests.support.remote_store import waiting_store

BOUND_POINTS = 200_000
KEPT_WRITES = 100
Maker = Callable[[pytest.FixtureRequest], object]


def _engine(request: pytest.FixtureRequest) -> Engine:
    made = request.getfixturevalue("engine")
    assert isinstance(made, Engine)
    return made


def _spool(request: pytest.FixtureRequest) -> StoreSpool:
    engine = _engine(request)
    return PostgresStoreSpool(engine, engine, BOUND_POINTS)


def _spooling(store: SeriesStore, spool: StoreSpool) -> SpoolingSeriesStore:
    return SpoolingSeriesStore(store, spool, StoreGuard("the store"))


def _cached(store: SpoolingSeriesStore) -> CachingSeriesStore:
    return CachingSeriesStore(store, most_candles=1_000, candle_check_seconds=60, price_seconds=5, changes=store)


def _influx_store(
    request: pytest.FixtureRequest, site: Callable[[], AbstractContextManager[InfluxSite]]
) -> SeriesStore:
    """A store in buckets of its own, which are gone after the test."""
    entered = site()
    store = entered.__enter__().store()
    request.addfinalizer(lambda: entered.__exit__(None, None, None))
    request.addfinalizer(store.connection.close)
    return store


LEDGERS: dict[str, Callable[[pytest.FixtureRequest], Ledger]] = {
    "fake": lambda request: FakeLedger(),
    "postgres": lambda request: PostgresLedger(_engine(request)),
    "recalling": lambda request: RecallingLedger.facing(PostgresLedger(_engine(request)))[0],
}
SERIES_STORES: dict[str, Callable[[pytest.FixtureRequest], SeriesStore]] = {
    "fake": lambda request: FakeSeriesStore(),
    "postgres": lambda request: PostgresSeriesStore(_engine(request)),
    "caching": lambda request: CachingSeriesStore(
        PostgresSeriesStore(_engine(request)), most_candles=1_000, candle_check_seconds=60, price_seconds=5
    ),
    "caching the fake": lambda request: CachingSeriesStore(
        FakeSeriesStore(), most_candles=1_000, candle_check_seconds=60, price_seconds=5
    ),
    "spooling the fake": lambda request: _spooling(FakeSeriesStore(), FakeStoreSpool()),
    "spooling": lambda request: _spooling(PostgresSeriesStore(_engine(request)), _spool(request)),
    "caching and spooling": lambda request: _cached(_spooling(FakeSeriesStore(), _spool(request))),
    "all in the spool": lambda request: waiting_store(FakeSeriesStore()),
    "all in the spool, cached": lambda request: _cached(waiting_store(FakeSeriesStore())),
}
STORE_SPOOLS: dict[str, Callable[[pytest.FixtureRequest], StoreSpool]] = {
    "fake": lambda request: FakeStoreSpool(BOUND_POINTS, kept=KEPT_WRITES),
    "postgres": _spool,
}
for _name, _site in INFLUX_SITES.items():
    SERIES_STORES[_name] = partial(_influx_store, site=_site)
REQUEST_BUDGETS: dict[str, Callable[[pytest.FixtureRequest], RequestBudget]] = {
    "fake": lambda request: FakeRequestBudget(),
    "local": lambda request: LocalRequestBudget(),
    "postgres": lambda request: PostgresRequestBudget(_engine(request)),
    "fail safe": lambda request: FailSafeRequestBudget(PostgresRequestBudget(_engine(request))),
}
HEALTH_JOURNALS: dict[str, Callable[[pytest.FixtureRequest], HealthJournal]] = {
    "fake": lambda request: FakeHealthJournal(),
    "postgres": lambda request: PostgresHealthJournal(_engine(request)),
}
CIRCUIT_JOURNALS: dict[str, Callable[[pytest.FixtureRequest], CircuitJournal]] = {
    "fake": lambda request: FakeCircuitJournal(),
    "postgres": lambda request: PostgresCircuitJournal(_engine(request)),
}
FEED_SITES: dict[str, Callable[[], AbstractContextManager[FeedSite]]] = {
    "fake": fake_feed,
    "ccxt": ccxt_feed,
    "kraken": kraken_feed,
    "okx": okx_feed,
}
STREAM_JOURNALS: dict[str, Callable[[pytest.FixtureRequest], StreamJournal]] = {
    "fake": lambda request: FakeStreamJournal(),
    "postgres": lambda request: PostgresStreamJournal(_engine(request)),
}
NEWS_SITES: dict[str, Callable[[], AbstractContextManager[NewsSite]]] = {
    "fake": fake_news,
    "ccxt": ccxt_news,
}
BROKER_SITES: dict[str, Callable[[], AbstractContextManager[BrokerSite]]] = {
    "fake": fake_broker,
    "ccxt": ccxt_broker,
}


@pytest.fixture(params=LEDGERS)
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """An empty ledger."""
    return LEDGERS[request.param](request)


@pytest.fixture(params=SERIES_STORES)
def store(request: pytest.FixtureRequest) -> SeriesStore:
    """An empty store."""
    return SERIES_STORES[request.param](request)


@pytest.fixture(params=STORE_SPOOLS)
def spool(request: pytest.FixtureRequest) -> StoreSpool:
    """A spool in which nothing waits."""
    return STORE_SPOOLS[request.param](request)


@pytest.fixture
def archive_rows(request: pytest.FixtureRequest) -> int:
    """Candles of an archive: a million in `make test-influx`; the stand-in for InfluxDB is slow in reading lines."""
    usual = 4_000 if "[influxdb]" in request.node.name else 20_000
    return int(os.environ.get("TRADING_PLATFORM_TEST_ROWS", usual))


@pytest.fixture(params=REQUEST_BUDGETS)
def budget(request: pytest.FixtureRequest) -> RequestBudget:
    """A budget of which nothing is used."""
    return REQUEST_BUDGETS[request.param](request)


@pytest.fixture(params=HEALTH_JOURNALS)
def journal(request: pytest.FixtureRequest) -> HealthJournal:
    """An empty journal."""
    return HEALTH_JOURNALS[request.param](request)


@pytest.fixture(params=CIRCUIT_JOURNALS)
def circuits(request: pytest.FixtureRequest) -> CircuitJournal:
    """An empty journal of circuit breakers."""
    return CIRCUIT_JOURNALS[request.param](request)


@pytest.fixture(params=STREAM_JOURNALS)
def streams(request: pytest.FixtureRequest) -> StreamJournal:
    """An empty journal of streams."""
    return STREAM_JOURNALS[request.param](request)


@pytest.fixture(params=FEED_SITES)
def feed_site(request: pytest.FixtureRequest) -> Iterator[FeedSite]:
    """A feed of a venue whose candles are known."""
    with FEED_SITES[request.param]() as site:
        yield site


@pytest.fixture(params=BROKER_SITES)
def broker_site(request: pytest.FixtureRequest) -> Iterator[BrokerSite]:
    """A broker at a venue that misbehaves when told to."""
    with BROKER_SITES[request.param]() as site:
        yield site


@pytest.fixture(params=NEWS_SITES)
def news_site(request: pytest.FixtureRequest) -> Iterator[NewsSite]:
    """An account's own events, none of which has happened yet."""
    with NEWS_SITES[request.param]() as site:
        yield site
