"""The books on disk: one SQLite file, written through and synchronous.

Changes pile up in one transaction until `Store.commit`; the exchange commits before it answers.
The file is locked for as long as it's open, so that no two simulators keep the same books.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from trading_platform.simulator.errors import SimulatorSetupError
from trading_platform.simulator.model import AssetTransfer, ListOrderStatus, ListStatus, Order, Trade

MARKET_ID = "market_id"
GENESIS = "genesis_ms"
POSITION = "position_ms"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cursors (symbol TEXT PRIMARY KEY, tick INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS balances (
    account TEXT NOT NULL, asset TEXT NOT NULL, free TEXT NOT NULL, locked TEXT NOT NULL,
    PRIMARY KEY (account, asset)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
    order_id INTEGER PRIMARY KEY, order_list_id INTEGER NOT NULL, account TEXT NOT NULL,
    client_order_id TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, type TEXT NOT NULL,
    time_in_force TEXT NOT NULL, price TEXT NOT NULL, stop_price TEXT NOT NULL,
    quantity TEXT NOT NULL, original_quote_quantity TEXT NOT NULL, executed_quantity TEXT NOT NULL,
    executed_quote TEXT NOT NULL, status TEXT NOT NULL, time_ms INTEGER NOT NULL,
    update_time_ms INTEGER NOT NULL, working_time_ms INTEGER NOT NULL, is_working INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS orders_of_account ON orders (account, symbol, order_id);
CREATE INDEX IF NOT EXISTS orders_by_client_id ON orders (account, client_order_id);
CREATE INDEX IF NOT EXISTS orders_of_list ON orders (order_list_id) WHERE order_list_id >= 0;
CREATE TABLE IF NOT EXISTS trades (
    trade_id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, order_list_id INTEGER NOT NULL,
    account TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, price TEXT NOT NULL,
    quantity TEXT NOT NULL, quote_quantity TEXT NOT NULL, commission TEXT NOT NULL,
    commission_asset TEXT NOT NULL, time_ms INTEGER NOT NULL, is_maker INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS trades_of_account ON trades (account, symbol, trade_id);
CREATE TABLE IF NOT EXISTS order_lists (
    order_list_id INTEGER PRIMARY KEY, account TEXT NOT NULL, symbol TEXT NOT NULL,
    list_client_order_id TEXT NOT NULL, status TEXT NOT NULL, order_status TEXT NOT NULL,
    time_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS transfers (
    transfer_id INTEGER PRIMARY KEY, account TEXT NOT NULL, asset TEXT NOT NULL, amount TEXT NOT NULL,
    fee TEXT NOT NULL, time_ms INTEGER NOT NULL, is_listed INTEGER NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class ListRow:
    """An order list without its orders."""

    order_list_id: int
    account: str
    symbol: str
    list_client_order_id: str
    status: ListStatus
    order_status: ListOrderStatus
    time_ms: int


Row = TypeVar("Row", Order, Trade, ListRow, AssetTransfer)
_TABLES: dict[type, str] = {Order: "orders", Trade: "trades", ListRow: "order_lists", AssetTransfer: "transfers"}
_TYPES: dict[type, dict[str, type]] = {
    row: {f.name: get_type_hints(row)[f.name] for f in fields(row)} for row in _TABLES
}


def _without_symbols(market_id: str) -> tuple[str, ...]:
    """What older books, which named the symbols too, are called now; of those of recordings that can't be told."""
    match market_id.split(":"):
        case ["synthetic", seed, symbols, history] if symbols.isalnum() or "," in symbols:
            return (f"synthetic:{seed}:{history}",)
        case ["live", venue, _]:
            return (f"live:{venue}",)
    return ()


def symbols_of_books(path: Path) -> list[str]:
    """The symbols that the books at `path` have orders of; none without books, or while a simulator has them open."""
    if not path.is_file():
        return []
    try:
        store = Store(path)
    except SimulatorSetupError:
        return []
    try:
        return store.ordered_symbols()
    finally:
        store.close()


class Store:
    """The open file.

    Raises
    ------
    SimulatorSetupError
        If the file can't be opened, or another process has it open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level="IMMEDIATE", timeout=1.0)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise SimulatorSetupError(
                f"can't open the simulator's books {path}: {error}; end the other simulator that uses them, "
                "or make the folder writable"
            ) from error

    @property
    def has_changes(self) -> bool:
        """Whether anything awaits the commit."""
        return self._db.in_transaction

    def commit(self) -> None:
        """Make all changes durable; costs nothing if there are none."""
        self._db.commit()

    def rollback(self) -> None:
        """Forget the changes since the last commit."""
        self._db.rollback()

    def close(self) -> None:
        """Close the file; uncommitted changes are lost."""
        self._db.close()

    # Single values ----------------------------------------------------------------------

    def meta(self, key: str) -> str | None:
        """A value kept under a key."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def meta_int(self, key: str) -> int | None:
        """A whole number kept under a key."""
        value = self.meta(key)
        return None if value is None else int(value)

    def set_meta(self, key: str, value: str | int) -> None:
        """Keep a value under a key."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, str(value)))

    def bind_to_market(self, market_id: str) -> None:
        """Claim the books for a market, or raise if they're another's."""
        owner = self.meta(MARKET_ID)
        if owner is None or market_id in _without_symbols(owner):
            self.set_meta(MARKET_ID, market_id)
        elif owner != market_id:
            raise SimulatorSetupError(
                f"{self._path} holds the books of the market {owner}, not of {market_id}; "
                "use another state folder, or the former market"
            )

    def ordered_symbols(self) -> list[str]:
        """The symbols in which there has ever been an order, by name."""
        return [str(row[0]) for row in self._db.execute("SELECT DISTINCT symbol FROM orders ORDER BY symbol")]

    def cursors(self) -> dict[str, int]:
        """The moment up to which each symbol's orders have been matched."""
        return dict(self._db.execute("SELECT symbol, tick FROM cursors"))

    def save_cursor(self, symbol: str, tick: int) -> None:
        """Keep the moment up to which a symbol's orders have been matched."""
        self._db.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", (symbol, tick))

    def balances(self) -> Iterator[tuple[str, str, Decimal, Decimal]]:
        """Account, asset, free and locked amount."""
        for account, asset, free, locked in self._db.execute("SELECT account, asset, free, locked FROM balances"):
            yield account, asset, Decimal(free), Decimal(locked)

    def save_balance(self, account: str, asset: str, free: Decimal, locked: Decimal) -> None:
        """Keep a balance."""
        self._db.execute(
            "INSERT OR REPLACE INTO balances VALUES (?, ?, ?, ?)", (account, asset, str(free), str(locked))
        )

    # Rows -------------------------------------------------------------------------------

    def save(self, row: Order | Trade | ListRow | AssetTransfer) -> None:
        """Insert a row, or replace the one of the same id."""
        values = [_to_sql(getattr(row, name)) for name in _TYPES[type(row)]]
        marks = ", ".join("?" * len(values))
        self._db.execute(f"INSERT OR REPLACE INTO {_TABLES[type(row)]} VALUES ({marks})", values)

    def next_id(self, row: type[Row]) -> int:
        """The smallest id above all that were ever given."""
        key = next(iter(_TYPES[row]))
        return int(self._db.execute(f"SELECT coalesce(max({key}), 0) + 1 FROM {_TABLES[row]}").fetchone()[0])

    def find(
        self, row: type[Row], where: str, values: Sequence[object], limit: int = -1, newest: bool = False
    ) -> list[Row]:
        """Rows that meet a condition, oldest first; the ``newest`` ones if a limit cuts some off."""
        names = list(_TYPES[row])
        found = self._db.execute(
            f"SELECT {', '.join(names)} FROM {_TABLES[row]} WHERE {where} "
            f"ORDER BY {names[0]} {'DESC' if newest else 'ASC'} LIMIT ?",
            (*values, limit),
        ).fetchall()
        rows = [_from_sql(row, values) for values in found]
        return rows[::-1] if newest else rows


def _to_sql(value: object) -> object:
    return str(value) if isinstance(value, Decimal | StrEnum) else value


def _from_sql(row: type[Row], values: Sequence[Any]) -> Row:
    types = _TYPES[row]
    return row(*(types[name](value) for name, value in zip(types, values, strict=True)))
