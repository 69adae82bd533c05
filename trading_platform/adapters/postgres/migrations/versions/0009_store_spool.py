"""What is to be written to a remote store, until the store has confirmed it."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SPOOL = """
CREATE TABLE store_spool (
    number     bigint PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('candles', 'gaps', 'indicators', 'tickers')),
    symbol     text NOT NULL,
    interval   text NOT NULL,
    payload    jsonb NOT NULL,
    points     integer NOT NULL CHECK (points >= 0),
    written_at timestamptz NOT NULL,
    result     integer[]
);
CREATE INDEX store_spool_of_series ON store_spool (symbol, interval, number);
COMMENT ON TABLE store_spool IS 'Writes to a remote store, in the order in which they are sent; those confirmed are
kept for a while';
COMMENT ON COLUMN store_spool.result IS 'Candles inserted, corrected and unchanged, once confirmed';

CREATE TABLE store_refusals (
    number     bigint PRIMARY KEY,
    kind       text NOT NULL,
    symbol     text NOT NULL,
    interval   text NOT NULL,
    payload    jsonb NOT NULL,
    written_at timestamptz NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT now(),
    why        text NOT NULL
);
COMMENT ON TABLE store_refusals IS 'Writes that the store has refused for good when they were sent from the spool';

CREATE TABLE store_spool_state (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last      bigint NOT NULL DEFAULT 0,
    confirmed bigint NOT NULL DEFAULT 0,
    forgotten bigint NOT NULL DEFAULT 0,
    rows      bigint NOT NULL DEFAULT 0 CHECK (rows >= 0),
    points    bigint NOT NULL DEFAULT 0 CHECK (points >= 0),
    CHECK (forgotten <= confirmed AND confirmed <= last)
);
COMMENT ON TABLE store_spool_state IS 'One row: its lock makes numbers appear in their order';
COMMENT ON COLUMN store_spool_state.last IS 'The newest write';
COMMENT ON COLUMN store_spool_state.confirmed IS 'The store has this write and all before it';
COMMENT ON COLUMN store_spool_state.forgotten IS 'This write and all before it are kept no longer';
COMMENT ON COLUMN store_spool_state.rows IS 'Writes that wait, and the points in them';
"""


def upgrade() -> None:
    """Create it."""
    op.execute(SPOOL)


def downgrade() -> None:
    """Drop it, with everything in it."""
    op.execute("DROP TABLE store_spool, store_refusals, store_spool_state")
