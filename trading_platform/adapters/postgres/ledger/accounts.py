"""Accounts and balances. Whoever changes money locks the account's row first, so writers never deadlock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, ScalarSelect, Select, bindparam, func, not_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from trading_platform.adapters.postgres.ledger.writes import Write, change, execute, insertion
from trading_platform.adapters.postgres.tables import ACCOUNTS, BALANCE_CHANGES, BALANCES, ORDERS
from trading_platform.domain.errors import FixSettings, InsufficientFree
from trading_platform.domain.order import OrderKind, OrderStatus
from trading_platform.ports.ledger import AccountState, AssetBalance

FINAL = sorted(status for status in OrderStatus if status.is_final)
ZERO = Decimal(0)
NOTHING = AssetBalance(ZERO, ZERO)
_ON_GUARD = ORDERS.c.kind.in_([kind for kind in OrderKind if kind.is_protective]) & (
    ORDERS.c.status == OrderStatus.OPEN
)
_AT_ITS_LIMIT = (ORDERS.c.kind == OrderKind.LIMIT) & ORDERS.c.status.in_(
    (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)
)
_LIES_STILL = (_ON_GUARD | _AT_ITS_LIMIT) & ORDERS.c.cancel_requested_at.is_(None)
"""The same as `Order.lies_still`."""
_BALANCES = select(BALANCES.c.asset, BALANCES.c.total, BALANCES.c.reserved).where(
    BALANCES.c.account == bindparam("account")
)


def open_account(connection: Connection, name: str, quote: str, mode: str, opened_at: datetime) -> None:
    """Make the account, or make sure that it is the one that the settings mean."""
    statement = upsert(ACCOUNTS).values(name=name, quote=quote, mode=mode, opened_at=opened_at)
    if connection.execute(statement.on_conflict_do_nothing()).rowcount == 1:
        return
    known = connection.execute(select(ACCOUNTS.c.quote, ACCOUNTS.c.mode).where(ACCOUNTS.c.name == name)).one()
    if (known.quote, known.mode) != (quote, mode):
        raise FixSettings(
            f"account {name!r} was opened as {known.mode} in {known.quote}, the settings say {mode} in {quote}: "
            "restore them, or choose another account.name"
        )


def read_account(connection: Connection, name: str) -> AccountState:
    """The account with its balances at one moment."""
    moving = ORDERS.c.account == name, ORDERS.c.status.not_in(FINAL), not_(_LIES_STILL)
    in_flight = select(func.count()).where(*moving).scalar_subquery()
    query = (
        select(ACCOUNTS, in_flight.label("in_flight"), BALANCES.c.asset, BALANCES.c.total, BALANCES.c.reserved)
        .join(BALANCES, BALANCES.c.account == ACCOUNTS.c.name, isouter=True)
        .where(ACCOUNTS.c.name == name)
    )
    rows = connection.execute(query).all()  # one query sees one moment
    if not rows:
        raise unknown_account(name)
    first = rows[0]
    return AccountState(
        name=first.name,
        quote=first.quote,
        revision=first.revision,
        balances={row.asset: AssetBalance(row.total, row.reserved) for row in rows if row.asset is not None},
        orders_in_flight=first.in_flight,
        reconciled_at=first.reconciled_at,
        reconciled_venue_time=first.reconciled_venue_time,
    )


def revise(connection: Connection, name: str) -> None:
    """Give the account its next revision; that locks it until the transaction ends."""
    if execute(connection, [revision_of(name)]) == 0:
        raise unknown_account(name)


def revision_of(name: str) -> Write:
    """The statement that gives the account its next revision."""
    return Write("UPDATE accounts SET revision = revision + 1 WHERE name = :name", {"name": name})


def lock(connection: Connection, name: str) -> int | None:
    """Lock the account until the transaction ends, as `revise` does; its revision, None if there is no account."""
    return connection.execute(locked(name)).scalar_one_or_none()


def locked(name: str | ScalarSelect[str]) -> Select[tuple[int]]:
    """The query that locks the account; its revision."""
    return select(ACCOUNTS.c.revision).where(ACCOUNTS.c.name == name).with_for_update(key_share=True)


def reserve(connection: Connection, account: str, asset: str, amount: Decimal, at: datetime) -> None:
    """Move `amount` from free to reserved, if free covers it (I2)."""
    statement = (
        update(BALANCES)
        .where(
            BALANCES.c.account == account, BALANCES.c.asset == asset, BALANCES.c.total - BALANCES.c.reserved >= amount
        )
        .values(reserved=BALANCES.c.reserved + amount, updated_at=at)
    )
    if connection.execute(statement).rowcount == 1:
        return
    balance = read_balances(connection, account).get(asset, NOTHING)
    raise InsufficientFree(
        f"{amount} {asset} needed, {balance.free} free: {balance.total} in all, {balance.reserved} of it reserved"
    )


def read_balances(connection: Connection, account: str) -> dict[str, AssetBalance]:
    """Balances per asset; an asset that the account never had is missing."""
    rows = connection.execute(_BALANCES, {"account": account})
    return {row.asset: AssetBalance(row.total, row.reserved) for row in rows}


@dataclass(frozen=True)
class BalanceChange:
    """One asset's balance before and after.

    Parameters
    ----------
    before
        None if the account never had the asset.
    missing
        What was taken beyond what was there.
    """

    asset: str
    before: AssetBalance | None
    after: AssetBalance
    missing: Decimal = ZERO


def balance_writes(
    account: str, changes: Sequence[BalanceChange], *, at: datetime, cause: str, client_order_id: str | None = None
) -> list[Write]:
    """The statements that store balances and, in the history, those whose total changed.

    The account is locked by the caller since before it read the balances, so a row that was missing still is.
    """
    writes = []
    for each in changes:
        row = {"total": each.after.total, "reserved": each.after.reserved, "updated_at": at}
        if each.before is None:
            writes.append(insertion(BALANCES, {"account": account, "asset": each.asset, **row}))
        else:
            writes.append(change(BALANCES, {"account": account, "asset": each.asset}, row))
        before = each.before or NOTHING
        if before.total != each.after.total or each.missing:
            history = {
                "account": account,
                "asset": each.asset,
                "cause": cause,
                "client_order_id": client_order_id,
                "total_before": before.total,
                "total_after": each.after.total,
                "missing": each.missing,
                "changed_at": at,
            }
            writes.append(insertion(BALANCE_CHANGES, history))
    return writes


def reconcile(
    connection: Connection,
    account: str,
    venue_totals: Mapping[str, Decimal],
    at_revision: int,
    at: datetime,
    venue_time: datetime | None,
) -> bool:
    """Adopt the venue's totals, unless the account has moved on since they were asked for."""
    if lock(connection, account) is None:
        raise unknown_account(account)
    state = read_account(connection, account)
    if state.revision != at_revision or state.orders_in_flight:
        return False
    if any(venue_totals.get(asset, ZERO) < balance.reserved for asset, balance in state.balances.items()):
        return False
    changes = []
    for asset in sorted({*state.balances, *venue_totals}):
        before = state.balances.get(asset)
        known = before or NOTHING
        after = AssetBalance(venue_totals.get(asset, ZERO), known.reserved)
        if after.total != known.total:
            changes.append(BalanceChange(asset, before, after))
    agreed = change(
        ACCOUNTS,
        {"name": account},
        {"revision": state.revision + 1, "reconciled_at": at, "reconciled_venue_time": venue_time},
    )
    execute(connection, [*balance_writes(account, changes, at=at, cause="reconciliation"), agreed])
    return True


def unknown_account(name: str) -> FixSettings:
    """The error of asking for an account that was never opened."""
    return FixSettings(
        f"the ledger has no account {name!r} yet: the first run opens it; later, account.name names another than that"
    )
