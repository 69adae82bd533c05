"""Which endpoints are left alone, and what was heard of trades."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

CIRCUITS = """
CREATE TABLE request_circuits (
    venue    text NOT NULL,
    "group"  text NOT NULL,
    process  text NOT NULL,
    state    text NOT NULL CHECK (state IN ('closed', 'open')),
    reason   text NOT NULL,
    since    timestamptz NOT NULL,
    noted_at timestamptz NOT NULL,
    retry_at timestamptz,
    PRIMARY KEY (venue, "group", process)
);
COMMENT ON TABLE request_circuits IS
    'Each process''s word on each group of a venue''s endpoints: asked, or left alone because it didn''t answer';
COMMENT ON COLUMN request_circuits.noted_at IS
    'An open circuit is noted again with every probe that fails: an old word says nothing';
"""

TRADES = """
ALTER TABLE stream_statuses ADD COLUMN trades bigint NOT NULL DEFAULT 0;
ALTER TABLE stream_statuses ALTER COLUMN trades DROP DEFAULT;
ALTER TABLE stream_statuses ADD COLUMN last_trade_at timestamptz;
COMMENT ON COLUMN stream_statuses.trades IS 'Heard since the stream process was started; they aren''t stored';
"""


def upgrade() -> None:
    """Create it."""
    for part in (CIRCUITS, TRADES):
        op.execute(part)


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE stream_statuses DROP COLUMN trades, DROP COLUMN last_trade_at")
    op.execute("DROP TABLE request_circuits")
