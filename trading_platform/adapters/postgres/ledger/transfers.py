"""Money that came or went without a trade, and where the ledger and the venue disagree."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, fields

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from trading_platform.adapters.postgres.ledger import marks
from trading_platform.adapters.postgres.tables import BALANCE_DIFFERENCES, FILLS, TRANSFERS
from trading_platform.domain.transfer import BalanceDifference, Transfer, TransferKind

_FIELDS = [TRANSFERS.c["recorded_by" if each.name == "by" else each.name].label(each.name) for each in fields(Transfer)]
_DIFFERENCE = [BALANCE_DIFFERENCES.c[each.name] for each in fields(BalanceDifference)]


def book(connection: Connection, account: str, transfers: Sequence[Transfer]) -> None:
    """Keep the transfers that are new, and take each out of the marks; the account is locked by the caller."""
    for transfer in transfers:
        values = asdict(transfer)
        values["recorded_by"] = values.pop("by")
        if connection.execute(upsert(TRANSFERS).values(values).on_conflict_do_nothing()).rowcount == 0:
            continue
        known = marks.read(connection, account)
        if known is None or transfer.amount_quote is None or transfer.equity_before_quote is None:
            continue
        marks.write(connection, account, known.after_transfer(transfer.equity_before_quote, transfer.amount_quote))


def newest(connection: Connection, account: str, limit: int) -> list[Transfer]:
    """Newest first."""
    query = select(*_FIELDS).where(TRANSFERS.c.account == account).order_by(TRANSFERS.c.transfer_id.desc()).limit(limit)
    rows = connection.execute(query).mappings()
    return [Transfer(**{**row, "kind": TransferKind(row["kind"])}) for row in rows]


def known_transfers(connection: Connection, account: str, venue_ids: Collection[str]) -> frozenset[str]:
    """Those of the venue's ids that are kept."""
    query = select(TRANSFERS.c.venue_id).where(TRANSFERS.c.account == account, TRANSFERS.c.venue_id.in_(venue_ids))
    return frozenset(connection.execute(query).scalars()) if venue_ids else frozenset()


def known_trades(connection: Connection, account: str, symbol: str, venue_trade_ids: Collection[str]) -> frozenset[str]:
    """Those of the venue's trade ids that are booked."""
    query = select(FILLS.c.venue_trade_id).where(
        FILLS.c.account == account, FILLS.c.symbol == symbol, FILLS.c.venue_trade_id.in_(venue_trade_ids)
    )
    return frozenset(connection.execute(query).scalars()) if venue_trade_ids else frozenset()


def record_differences(connection: Connection, account: str, differences: Sequence[BalanceDifference]) -> None:
    """Replace what is known; a difference that stands keeps its `found_at`."""
    standing = {each.asset: each.found_at for each in balance_differences(connection, account)}
    connection.execute(delete(BALANCE_DIFFERENCES).where(BALANCE_DIFFERENCES.c.account == account))
    for each in differences:
        values = asdict(each) | {"found_at": standing.get(each.asset, each.found_at)}
        connection.execute(upsert(BALANCE_DIFFERENCES).values(account=account, **values))


def balance_differences(connection: Connection, account: str) -> list[BalanceDifference]:
    """Differences that stand, by asset."""
    query = select(*_DIFFERENCE).where(BALANCE_DIFFERENCES.c.account == account)
    return [BalanceDifference(**row) for row in connection.execute(query.order_by("asset")).mappings()]
