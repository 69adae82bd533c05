"""Servers that tests of every layer share: started when the first test asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from trading_platform.adapters.postgres.engine import make_engine
from trading_platform_tests.support.postgres import PostgresServer, running_postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One embedded PostgreSQL for the session."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of a migrated, empty database of the test's own."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Connections to the test's own database, as the platform makes them."""
    made = make_engine(database_url)
    yield made
    made.dispose()
