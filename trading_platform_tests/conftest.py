"""Servers that tests of every layer share: started when the first test asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine
from xdist.scheduler import LoadScopeScheduling

from trading_platform.adapters.postgres.engine import make_engine
from trading_platform_tests.support.postgres import PostgresServer, running_postgres


class WholePlatformApart(LoadScopeScheduling):
    """A module stays on one worker, since its tests share servers; all that start the whole platform are as one module.

    They mostly wait for it, while the other workers run everything else.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "end_to_end" if "/end_to_end/" in nodeid else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> WholePlatformApart:
    """Used when there are several workers (`make test`)."""
    return WholePlatformApart(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest part begins first."""
    items.sort(key=lambda item: item.get_closest_marker("end_to_end") is None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One embedded PostgreSQL for the session."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> str:
    """URL of a migrated database, empty when the test begins."""
    return postgres_server.emptied_database()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Connections to the test's database, as the platform makes them."""
    made = make_engine(database_url)
    yield made
    made.dispose()
