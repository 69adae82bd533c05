"""What PostgreSQL's troubles mean to the platform."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from trading_platform.adapters.postgres import engine as engine_module
from trading_platform.adapters.postgres.engine import make_engine, reading, transaction
from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform_tests.support.examples import START
from trading_platform_tests.support.postgres import PostgresServer

PASSWORD = "s3cret-and-nobody's-business"


def test_a_server_that_is_not_there() -> None:
    engine = make_engine(f"postgresql://trading:{PASSWORD}@127.0.0.1:1/trading")
    with pytest.raises(RetryLater, match=r"127\.0\.0\.1:1/trading") as trouble:
        PostgresLedger(engine).account("main")
    assert PASSWORD not in str(trouble.value)
    assert trouble.value.__suppress_context__


def test_a_wrong_password_is_not_repeated(database_url: str) -> None:
    url = make_url(database_url).set(password=PASSWORD)
    engine = make_engine(url.render_as_string(hide_password=False))
    with pytest.raises(RetryLater) as trouble, reading(engine):
        pass
    assert PASSWORD not in str(trouble.value)


@pytest.mark.parametrize("url", ["sqlite:///x.db", "not a url", "mysql://a@b/c"])
def test_urls_of_something_else(url: str) -> None:
    with pytest.raises(FixSettings, match="postgresql://"):
        make_engine(url)


def test_a_database_without_the_schema(postgres_server: PostgresServer) -> None:
    with postgres_server.database() as url:
        engine = make_engine(url)
        with pytest.raises(FixSettings, match="trading-platform migrate"):
            PostgresLedger(engine).account("main")
        engine.dispose()


def test_a_mistake_of_ours_is_not_taken_for_trouble(engine: Engine) -> None:
    with pytest.raises(ProgrammingError), transaction(engine) as connection:
        connection.execute(text("SELECT FROM WHERE"))


def test_a_statement_that_takes_too_long(engine: Engine) -> None:
    def sleep_too_long() -> None:
        with transaction(engine) as connection:
            connection.execute(text("SET LOCAL statement_timeout = 10"))
            connection.execute(text("SELECT pg_sleep(5)"))

    with pytest.raises(RetryLater, match="timeout"):
        sleep_too_long()


def test_a_row_that_somebody_holds(engine: Engine) -> None:
    PostgresLedger(engine).open_account("main", "USDT", "paper", START)

    def hold() -> None:
        with transaction(engine) as connection:
            connection.execute(text("SET LOCAL lock_timeout = 20"))
            connection.execute(text("SELECT 1 FROM accounts FOR UPDATE"))

    with transaction(engine) as holder:
        holder.execute(text("SELECT 1 FROM accounts FOR UPDATE"))
        with pytest.raises(RetryLater, match="lock"):
            hold()


def _cut(engine: Engine) -> int:
    """Let the server drop the engine's pooled connection; the backend it had."""
    with reading(engine) as connection:
        first = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
    other = make_engine(engine.url.render_as_string(hide_password=False))
    with reading(other) as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": first})
    other.dispose()
    return first


def test_a_connection_dropped_while_it_idled_is_replaced(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "IDLE_SECONDS_BEFORE_ASKING", 0.0)
    first = _cut(engine)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != first


def test_a_connection_dropped_just_now_costs_one_call(engine: Engine) -> None:
    first = _cut(engine)
    with pytest.raises(RetryLater), reading(engine) as connection:
        connection.execute(text("SELECT 1"))
    with reading(engine) as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != first
