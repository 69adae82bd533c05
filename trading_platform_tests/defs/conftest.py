"""Dagster in memory, and a platform over fakes."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from trading_platform_tests.defs.fake_platform import FakePlatform, fake_platform


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's storage for one test."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def platform() -> FakePlatform:
    """A platform whose market has moved for a while."""
    return fake_platform()
