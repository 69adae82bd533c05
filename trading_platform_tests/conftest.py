"""Servers that tests of every layer share: started when the first test asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from trading_platform.adapters.postgres.engine import make_engine
from trading_platform_tests.support.postgres import PostgresServer, running_postgres


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share servers stay on one worker; those of the whole platform are one group, and begin first."""
    items.sort(key=lambda item: item.get_closest_marker("end_to_end") is None)
    for item in items:
        whole = item.get_closest_marker("end_to_end") is not None
        item.add_marker(pytest.mark.xdist_group("end_to_end" if whole else item.path.name))


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
