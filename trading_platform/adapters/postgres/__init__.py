"""PostgreSQL fills the roles of ledger, series store and health journal."""
