"""Money waits for the disk; market data, which can be fetched again, doesn't."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from trading_platform.adapters.postgres.engine import make_engine, reading


@pytest.mark.parametrize(("waits_for_disk", "setting"), [(True, "on"), (False, "off")])
def test_commits_wait_for_the_disk_unless_told_otherwise(database_url: str, waits_for_disk: bool, setting: str) -> None:
    engine = make_engine(database_url, waits_for_disk=waits_for_disk)
    with reading(engine) as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == setting
    engine.dispose()
