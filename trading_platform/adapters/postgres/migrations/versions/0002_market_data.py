"""Market data: candles with their corrections, tickers, indicators."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CANDLES = """
CREATE TABLE candles (
    symbol      text NOT NULL,
    interval    text NOT NULL,
    open_time   timestamptz NOT NULL,
    open        numeric NOT NULL,
    high        numeric NOT NULL,
    low         numeric NOT NULL,
    close       numeric NOT NULL,
    volume      numeric NOT NULL,
    source      text NOT NULL CHECK (source IN ('rest', 'stream', 'archive')),
    received_at timestamptz NOT NULL,
    revision    integer NOT NULL DEFAULT 0,
    PRIMARY KEY (symbol, interval, open_time)
);
COMMENT ON TABLE candles IS 'Closed candles, exactly as the venue sent them (impossible prices too: a check tells)';
COMMENT ON COLUMN candles.open_time IS 'Venue''s clock';
COMMENT ON COLUMN candles.volume IS 'In the base asset';
COMMENT ON COLUMN candles.revision IS 'How often the venue has corrected it; candle_corrections has what was there';

CREATE TABLE candle_corrections (
    symbol      text NOT NULL,
    interval    text NOT NULL,
    open_time   timestamptz NOT NULL,
    revision    integer NOT NULL,
    open        numeric NOT NULL,
    high        numeric NOT NULL,
    low         numeric NOT NULL,
    close       numeric NOT NULL,
    volume      numeric NOT NULL,
    source      text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (symbol, interval, open_time, revision)
);
COMMENT ON TABLE candle_corrections IS 'Candles as they were before a correction replaced them';

CREATE FUNCTION keep_corrected_candle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO candle_corrections
        VALUES (OLD.symbol, OLD.interval, OLD.open_time, OLD.revision,
                OLD.open, OLD.high, OLD.low, OLD.close, OLD.volume, OLD.source, OLD.received_at);
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END $$;

CREATE TRIGGER keep_corrected_candle BEFORE UPDATE ON candles
    FOR EACH ROW EXECUTE FUNCTION keep_corrected_candle();
"""

TICKERS = """
CREATE TABLE tickers (
    symbol      text PRIMARY KEY,
    bid         numeric NOT NULL,
    ask         numeric NOT NULL,
    last        numeric NOT NULL,
    venue_time  timestamptz NOT NULL,
    received_at timestamptz NOT NULL
);
COMMENT ON TABLE tickers IS 'Latest price per symbol';
COMMENT ON COLUMN tickers.received_at IS 'Wall clock: a price''s age is measured from it';
"""

INDICATORS = """
CREATE TABLE indicators (
    symbol    text NOT NULL,
    interval  text NOT NULL,
    open_time timestamptz NOT NULL,
    "values"  jsonb NOT NULL,
    PRIMARY KEY (symbol, interval, open_time)
);
COMMENT ON COLUMN indicators."values" IS 'Indicator values of the candle by name; one without a value is left out';
"""


def upgrade() -> None:
    """Create it."""
    for part in (CANDLES, TICKERS, INDICATORS):
        op.execute(part)


def downgrade() -> None:
    """Drop it, with everything in it."""
    op.execute("DROP TABLE indicators, tickers, candle_corrections, candles")
    op.execute("DROP FUNCTION keep_corrected_candle")
