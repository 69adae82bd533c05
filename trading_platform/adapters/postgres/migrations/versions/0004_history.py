"""History: gaps that the venue itself has, and candles that were aggregated here."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

GAPS = """
CREATE TABLE candle_gaps (
    symbol        text NOT NULL,
    interval      text NOT NULL,
    first_missing timestamptz NOT NULL,
    last_missing  timestamptz NOT NULL CHECK (last_missing >= first_missing),
    candles       integer NOT NULL CHECK (candles > 0),
    confirmed_at  timestamptz NOT NULL,
    PRIMARY KEY (symbol, interval, first_missing)
);
COMMENT ON TABLE candle_gaps IS 'Candles that the venue was asked for and doesn''t have: its own gaps';
COMMENT ON COLUMN candle_gaps.first_missing IS 'Open time of the first missing candle, venue''s clock';
COMMENT ON COLUMN candle_gaps.last_missing IS 'Open time of the last missing candle, included';
COMMENT ON COLUMN candle_gaps.confirmed_at IS 'Wall clock, when the venue was last asked';
"""

SOURCES = """
ALTER TABLE candles DROP CONSTRAINT candles_source_check;
ALTER TABLE candles ADD CONSTRAINT candles_source_check
    CHECK (source IN ('rest', 'stream', 'archive', 'aggregated'));
COMMENT ON COLUMN candles.source IS 'Where it came from; aggregated: made here of shorter candles';
"""


def upgrade() -> None:
    """Create it."""
    for part in (GAPS, SOURCES):
        op.execute(part)


def downgrade() -> None:
    """Drop it; what was aggregated goes with it, since it can be made again."""
    op.execute("DROP TABLE candle_gaps")
    op.execute("DELETE FROM candles WHERE source = 'aggregated'")
    op.execute("ALTER TABLE candles DROP CONSTRAINT candles_source_check")
    op.execute(
        "ALTER TABLE candles ADD CONSTRAINT candles_source_check CHECK (source IN ('rest', 'stream', 'archive'))"
    )
