"""Health: results of checks and when they changed, incidents, the outbox of notifications."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CHECKS = """
CREATE TABLE check_results (
    symbol     text NOT NULL,
    interval   text NOT NULL,
    name       text NOT NULL,
    passed     boolean NOT NULL,
    reason     text NOT NULL,
    data_time  timestamptz,
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (symbol, interval, name)
);
COMMENT ON TABLE check_results IS 'Newest result per check and series';
COMMENT ON COLUMN check_results.data_time IS 'Open time of the newest candle that was judged';

CREATE TABLE check_changes (
    change_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    symbol     text NOT NULL,
    interval   text NOT NULL,
    name       text NOT NULL,
    passed     boolean NOT NULL,
    reason     text NOT NULL,
    data_time  timestamptz,
    checked_at timestamptz NOT NULL
);
CREATE INDEX check_changes_of_series ON check_changes (symbol, interval, name, change_id);
CREATE INDEX check_changes_by_age ON check_changes (checked_at);
COMMENT ON TABLE check_changes IS
    'The first result of each check, and every one that came out differently from the last';

CREATE FUNCTION keep_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO check_changes (symbol, interval, name, passed, reason, data_time, checked_at)
        VALUES (NEW.symbol, NEW.interval, NEW.name, NEW.passed, NEW.reason, NEW.data_time, NEW.checked_at);
    RETURN NULL;
END $$;

CREATE TRIGGER keep_first_check AFTER INSERT ON check_results
    FOR EACH ROW EXECUTE FUNCTION keep_check_change();
CREATE TRIGGER keep_check_change AFTER UPDATE ON check_results
    FOR EACH ROW WHEN (OLD.passed <> NEW.passed) EXECUTE FUNCTION keep_check_change();
"""

INCIDENTS = """
CREATE TABLE incidents (
    incident_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key         text NOT NULL,
    summary     text NOT NULL,
    opened_at   timestamptz NOT NULL,
    closed_at   timestamptz
);
CREATE UNIQUE INDEX incidents_one_open_per_key ON incidents (key) WHERE closed_at IS NULL;
CREATE INDEX incidents_by_age ON incidents (closed_at);

CREATE TABLE notifications (
    notification_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title           text NOT NULL,
    body            text NOT NULL,
    created_at      timestamptz NOT NULL,
    delivered_at    timestamptz
);
CREATE INDEX notifications_undelivered ON notifications (notification_id) WHERE delivered_at IS NULL;
CREATE INDEX notifications_by_age ON notifications (delivered_at);
COMMENT ON TABLE notifications IS 'The outbox: what the owner is told, written together with the incident it is about';
"""


def upgrade() -> None:
    """Create it."""
    for part in (CHECKS, INCIDENTS):
        op.execute(part)


def downgrade() -> None:
    """Drop it, with everything in it."""
    op.execute("DROP TABLE notifications, incidents, check_changes, check_results")
    op.execute("DROP FUNCTION keep_check_change")
