"""Several writes go as one statement, each with its own values."""

from __future__ import annotations

from sqlalchemy import Engine, select

from trading_platform.adapters.postgres.engine import transaction
from trading_platform.adapters.postgres.ledger.writes import Write, change, execute, insertion
from trading_platform.adapters.postgres.tables import ACCOUNTS
from trading_platform_tests.support.examples import START, minutes


def _account(name: str) -> dict[str, object]:
    return {"name": name, "quote": "USDT", "mode": "paper", "opened_at": START}


def test_values_of_the_same_name_are_kept_apart(engine: Engine) -> None:
    odd = "100%, :name_0 or 'one'"
    with transaction(engine) as connection:
        assert execute(connection, []) == 0
        assert execute(connection, [insertion(ACCOUNTS, _account(name)) for name in ("one", "two", odd)]) == 1
        begins_so = "UPDATE accounts SET reconciled_at = :at WHERE name LIKE :name || '%'::text"
        later = change(ACCOUNTS, {"name": odd}, {"reconciled_at": minutes(1)})
        assert execute(connection, [later, Write(begins_so, {"name": "t", "at": START})]) == 1
        assert execute(connection, [change(ACCOUNTS, {"name": "three"}, {"reconciled_at": None})]) == 0

    with transaction(engine) as connection:
        found = {row.name: row.reconciled_at for row in connection.execute(select(ACCOUNTS))}
    assert found == {"one": None, "two": START, odd: minutes(1)}
