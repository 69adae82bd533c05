"""A clock that is set back doesn't prolong a silence that a venue asked for, nor keep its limits full."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE request_silences ADD COLUMN seconds double precision, ADD COLUMN set_at timestamptz;
UPDATE request_silences SET set_at = clock_timestamp(), seconds = extract(epoch FROM until - clock_timestamp());
ALTER TABLE request_silences ALTER COLUMN seconds SET NOT NULL, ALTER COLUMN set_at SET NOT NULL;
COMMENT ON COLUMN request_silences.seconds IS 'How long it was to last at set_at';
"""

TAKE = """
CREATE OR REPLACE FUNCTION take_requests(
    wanted_venue text, share double precision, names text[], bursts double precision[], leaks double precision[],
    costs double precision[], floors double precision[]
) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    moment  timestamptz;
    silence double precision;
    wait    double precision := 0;
    levels  double precision[] := '{}';
    held    double precision;
BEGIN
    INSERT INTO request_levels
        SELECT wanted_venue, wanted, 0, clock_timestamp() FROM unnest(names) wanted
        WHERE NOT EXISTS (SELECT FROM request_levels r WHERE r.venue = wanted_venue AND r.name = wanted)
        ON CONFLICT DO NOTHING;
    PERFORM FROM request_levels r WHERE r.venue = wanted_venue AND r.name = ANY (names) ORDER BY r.name FOR UPDATE;
    moment := clock_timestamp();%s
    SELECT extract(epoch FROM until - moment) INTO silence FROM request_silences WHERE venue = wanted_venue;
    IF silence > 0 THEN
        RETURN silence;
    END IF;
    FOR i IN 1 .. cardinality(names) LOOP
        SELECT greatest(level - leaks[i] * greatest(extract(epoch FROM moment - at), 0), least(floors[i], bursts[i]), 0)
            INTO STRICT held FROM request_levels WHERE venue = wanted_venue AND name = names[i];
        levels[i] := held;
        wait := greatest(wait, (held - greatest(bursts[i] * share - costs[i], 0)) / leaks[i]);
    END LOOP;
    IF wait > 0 THEN
        RETURN wait;
    END IF;
    FOR i IN 1 .. cardinality(names) LOOP
        UPDATE request_levels SET level = levels[i] + costs[i], at = moment
            WHERE venue = wanted_venue AND name = names[i];
    END LOOP;
    RETURN 0;
END $$;
"""

# what was written down by a clock that was ahead began, at the latest, now
_SET_RIGHT = """
    UPDATE request_levels SET at = moment WHERE venue = wanted_venue AND name = ANY (names) AND at > moment;
    UPDATE request_silences SET set_at = moment, until = moment + make_interval(secs => seconds)
        WHERE venue = wanted_venue AND set_at > moment;"""


def upgrade() -> None:
    """Remember when a silence began."""
    op.execute(COLUMNS)
    op.execute(TAKE % _SET_RIGHT)


def downgrade() -> None:
    """Go by its end alone."""
    op.execute(TAKE % "")
    op.execute("ALTER TABLE request_silences DROP COLUMN seconds, DROP COLUMN set_at")
