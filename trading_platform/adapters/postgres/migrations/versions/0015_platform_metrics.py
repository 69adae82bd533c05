"""What the platform measures of itself."""

from alembic import op

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None

METRICS = """
CREATE TABLE platform_metrics (
    name    text NOT NULL,
    at      timestamptz NOT NULL,
    subject text NOT NULL,
    value   double precision NOT NULL CHECK (value > '-Infinity' AND value < 'Infinity'),
    PRIMARY KEY (name, at, subject)
);
COMMENT ON TABLE platform_metrics IS 'Measurements of the platform''s own, kept for retention.metric_hours';
COMMENT ON COLUMN platform_metrics.subject IS 'The symbol or process that it is of; empty: the whole platform';
"""

KINDS = """
ALTER TABLE store_spool DROP CONSTRAINT store_spool_kind_check;
ALTER TABLE store_spool ADD CONSTRAINT store_spool_kind_check CHECK (kind IN ({kinds}));
"""


def upgrade() -> None:
    """Create it; they may wait for a remote store as well."""
    op.execute(METRICS)
    op.execute(KINDS.format(kinds="'candles', 'gaps', 'indicators', 'tickers', 'metrics'"))


def downgrade() -> None:
    """Drop it, and those that wait."""
    op.execute("UPDATE store_spool SET kind = 'tickers', payload = '{\"tickers\": []}' WHERE kind = 'metrics'")
    op.execute(KINDS.format(kinds="'candles', 'gaps', 'indicators', 'tickers'"))
    op.execute("DROP TABLE platform_metrics")
