"""Bringing a database to the newest schema."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from trading_platform.adapters.postgres.engine import make_engine, transaction

MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 7_201_500_461  # any number, the same for every process that migrates


def upgrade(url: str, revision: str = "head") -> None:
    """Apply the missing migrations, all in one transaction; others that try at the same time wait for it.

    Raises
    ------
    RetryLater
        If the database can't be reached.
    """
    engine = make_engine(url, pool_size=1)
    try:
        with transaction(engine) as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL lock_timeout = '60s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        engine.dispose()
