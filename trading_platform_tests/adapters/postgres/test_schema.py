"""Migrations: complete, repeatable, and the tables as the code knows them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, inspect, text

from trading_platform.adapters.postgres.engine import make_engine
from trading_platform.adapters.postgres.migrate import upgrade
from trading_platform.adapters.postgres.tables import METADATA
from trading_platform_tests.support.postgres import PostgresServer

BOOKKEEPING = {"alembic_version"}


def test_the_code_knows_every_table_and_column(engine: Engine) -> None:
    database = inspect(engine)
    assert set(database.get_table_names()) == set(METADATA.tables) | BOOKKEEPING
    dialect = engine.dialect
    for name, table in METADATA.tables.items():
        known = [(c.name, c.type.compile(dialect), c.nullable) for c in table.columns]
        actual = [(c["name"], c["type"].compile(dialect), c["nullable"]) for c in database.get_columns(name)]
        assert known == actual, name
        keys = database.get_pk_constraint(name)["constrained_columns"]
        assert [column.name for column in table.primary_key] == keys


def test_upgrading_again_changes_nothing(engine: Engine, database_url: str) -> None:
    with engine.connect() as connection:
        before = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    upgrade(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == before


def test_several_processes_may_upgrade_at_once(postgres_server: PostgresServer) -> None:
    with postgres_server.database() as url:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(upgrade, [url] * 4))
        engine = make_engine(url)
        assert set(inspect(engine).get_table_names()) == set(METADATA.tables) | BOOKKEEPING
        engine.dispose()


def test_the_hot_queries_use_their_indexes(engine: Engine) -> None:
    hot = {
        "signals_open": "SELECT * FROM signals WHERE account = 'a' AND decided_at IS NULL ORDER BY candle_close",
        "signals_newest": "SELECT * FROM signals WHERE account = 'a' ORDER BY candle_close DESC LIMIT 5",
        "signals_newest_of_strategy": "SELECT * FROM signals WHERE account = 'a' AND symbol = 's' AND strategy = 't'"
        " ORDER BY candle_close DESC LIMIT 1",
        "orders_unsettled": "SELECT * FROM orders WHERE account = 'a'"
        " AND status NOT IN ('cancelled', 'expired', 'filled', 'rejected')",
        "orders_newest": "SELECT * FROM orders WHERE account = 'a' ORDER BY created_at DESC LIMIT 5",
        "fills_newest": "SELECT * FROM fills WHERE account = 'a' ORDER BY filled_at DESC LIMIT 5",
        "decisions_newest": "SELECT * FROM decisions WHERE account = 'a'"
        " ORDER BY decided_at DESC, decision_id DESC LIMIT 5",
        "candles_pkey": "SELECT * FROM candles WHERE symbol = 's' AND interval = '1m' ORDER BY open_time DESC LIMIT 5",
        "positions_closed_of_strategy": "SELECT * FROM positions WHERE account = 'a' AND strategy = 't'"
        " AND closed_at IS NOT NULL ORDER BY closed_at DESC LIMIT 5",
        "notifications_undelivered": "SELECT * FROM notifications WHERE delivered_at IS NULL"
        " ORDER BY notification_id LIMIT 5",
    }
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL enable_sort = off"))
        for index, query in hot.items():
            plan = "\n".join(connection.execute(text(f"EXPLAIN {query}")).scalars())
            assert index in plan, plan
