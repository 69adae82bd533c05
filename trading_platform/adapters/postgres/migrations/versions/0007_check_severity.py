"""Checks: what a failure means, and since when it stands."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SEVERITY = """
ALTER TABLE check_results ADD COLUMN severity text NOT NULL DEFAULT 'error';
ALTER TABLE check_results ADD COLUMN since timestamptz;
UPDATE check_results SET since = checked_at;
ALTER TABLE check_results ALTER COLUMN since SET NOT NULL;
ALTER TABLE check_results ALTER COLUMN severity DROP DEFAULT;
COMMENT ON COLUMN check_results.severity IS 'What a failure means: an error keeps entries back, a warning is recorded';
COMMENT ON COLUMN check_results.since IS 'Wall clock: since when it has come out like this';

ALTER TABLE check_changes ADD COLUMN severity text NOT NULL DEFAULT 'error';
ALTER TABLE check_changes ALTER COLUMN severity DROP DEFAULT;

DROP TRIGGER keep_check_change ON check_results;
CREATE OR REPLACE FUNCTION keep_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO check_changes (symbol, interval, name, passed, reason, data_time, checked_at, severity)
        VALUES (NEW.symbol, NEW.interval, NEW.name, NEW.passed, NEW.reason, NEW.data_time, NEW.checked_at,
                NEW.severity);
    RETURN NULL;
END $$;
CREATE TRIGGER keep_check_change AFTER UPDATE ON check_results
    FOR EACH ROW WHEN (OLD.passed <> NEW.passed OR NOT NEW.passed AND OLD.severity <> NEW.severity)
    EXECUTE FUNCTION keep_check_change();
"""

WITHOUT = """
DROP TRIGGER keep_check_change ON check_results;
CREATE OR REPLACE FUNCTION keep_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO check_changes (symbol, interval, name, passed, reason, data_time, checked_at)
        VALUES (NEW.symbol, NEW.interval, NEW.name, NEW.passed, NEW.reason, NEW.data_time, NEW.checked_at);
    RETURN NULL;
END $$;
CREATE TRIGGER keep_check_change AFTER UPDATE ON check_results
    FOR EACH ROW WHEN (OLD.passed <> NEW.passed) EXECUTE FUNCTION keep_check_change();
ALTER TABLE check_results DROP COLUMN severity, DROP COLUMN since;
ALTER TABLE check_changes DROP COLUMN severity;
"""


def upgrade() -> None:
    """Add them; every check that there was until now meant an error."""
    op.execute(SEVERITY)


def downgrade() -> None:
    """Forget them."""
    op.execute(WITHOUT)
