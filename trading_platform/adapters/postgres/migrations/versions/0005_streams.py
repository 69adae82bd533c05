"""Streams: their states and when these changed; where a ticker came from."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STREAMS = """
CREATE TABLE stream_statuses (
    symbol        text PRIMARY KEY,
    state         text NOT NULL CHECK (state IN ('connecting', 'live', 'stale', 'fallback', 'closed')),
    reason        text NOT NULL,
    since         timestamptz NOT NULL,
    last_event_at timestamptz,
    heartbeat_at  timestamptz NOT NULL,
    duplicates    bigint NOT NULL,
    out_of_order  bigint NOT NULL,
    malformed     bigint NOT NULL,
    reconnects    bigint NOT NULL
);
COMMENT ON TABLE stream_statuses IS 'What is known of each symbol''s stream; all times are of the wall clock';
COMMENT ON COLUMN stream_statuses.heartbeat_at IS 'When the stream process last wrote: an old state says nothing';

CREATE TABLE stream_changes (
    change_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    symbol     text NOT NULL,
    before     text,
    after      text NOT NULL,
    reason     text NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX stream_changes_of_symbol ON stream_changes (symbol, change_id);
CREATE INDEX stream_changes_by_age ON stream_changes (changed_at);
COMMENT ON TABLE stream_changes IS 'The first state of each stream, and every one that differed from the last';

CREATE FUNCTION keep_stream_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stream_changes (symbol, before, after, reason, changed_at)
        VALUES (NEW.symbol, CASE TG_OP WHEN 'UPDATE' THEN OLD.state END, NEW.state, NEW.reason, NEW.since);
    RETURN NULL;
END $$;

CREATE TRIGGER keep_first_stream_state AFTER INSERT ON stream_statuses
    FOR EACH ROW EXECUTE FUNCTION keep_stream_change();
CREATE TRIGGER keep_stream_change AFTER UPDATE ON stream_statuses
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION keep_stream_change();
"""

TICKERS = """
ALTER TABLE tickers ADD COLUMN source text NOT NULL DEFAULT 'rest' CHECK (source IN ('rest', 'stream'));
COMMENT ON COLUMN tickers.source IS 'How it came: asked for, or pushed';
"""


def upgrade() -> None:
    """Create it."""
    for part in (STREAMS, TICKERS):
        op.execute(part)


def downgrade() -> None:
    """Drop it, with everything in it."""
    op.execute("ALTER TABLE tickers DROP COLUMN source")
    op.execute("DROP TABLE stream_changes, stream_statuses")
    op.execute("DROP FUNCTION keep_stream_change")
