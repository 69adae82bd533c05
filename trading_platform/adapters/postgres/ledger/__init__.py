"""The ledger in PostgreSQL: one module per noun, one facade over them."""

from trading_platform.adapters.postgres.ledger.facade import PostgresLedger

__all__ = ["PostgresLedger"]
