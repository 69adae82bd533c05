"""The owner's permission to trade real money."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from trading_platform.adapters.postgres.ledger import accounts
from trading_platform.adapters.postgres.tables import ACCOUNTS, ARMINGS
from trading_platform.domain.arming import Arming
from trading_platform.domain.errors import NotArmed


def arm(connection: Connection, arming: Arming) -> None:
    """Keep the permission; an earlier one ends at the same moment."""
    accounts.revise(connection, arming.account)
    disarm(connection, arming.account, arming.armed_at)
    values = asdict(arming)
    values["armed_by"] = values.pop("by")
    connection.execute(insert(ARMINGS).values(values))


def disarm(connection: Connection, account: str, at: datetime) -> bool:
    """End the permission; False if there was none."""
    statement = update(ARMINGS).where(ARMINGS.c.account == account, ARMINGS.c.disarmed_at.is_(None))
    return connection.execute(statement.values(disarmed_at=at)).rowcount == 1


def refuse_while_unarmed(connection: Connection, account: str) -> None:
    """Raise NotArmed if the account trades real money without permission; the caller holds the account's lock."""
    mode = connection.execute(select(ACCOUNTS.c.mode).where(ACCOUNTS.c.name == account)).scalar()
    if mode == "live" and in_force(connection, account) is None:
        raise NotArmed(f"{account} isn't armed: run 'trading-platform arm'")


def in_force(connection: Connection, account: str) -> Arming | None:
    """The permission that isn't ended."""
    names = ("account", "venue", "armed_by", "note", "armed_at", "disarmed_at")
    query = select(*(ARMINGS.c[name] for name in names))
    row = connection.execute(query.where(ARMINGS.c.account == account, ARMINGS.c.disarmed_at.is_(None))).one_or_none()
    return None if row is None else Arming(*row)
