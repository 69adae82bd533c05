"""What all processes together have asked of a venue."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BUDGET = """
CREATE UNLOGGED TABLE request_levels (
    venue text NOT NULL,
    name  text NOT NULL,
    level double precision NOT NULL,
    at    timestamptz NOT NULL,
    PRIMARY KEY (venue, name)
) WITH (fillfactor = 50);
COMMENT ON TABLE request_levels IS
    'Leaky buckets of the venues'' request limits; a crash of the server empties them, the venue''s own count mends it';

CREATE UNLOGGED TABLE request_silences (
    venue text PRIMARY KEY,
    until timestamptz NOT NULL
);
COMMENT ON TABLE request_silences IS 'Until when a venue has asked for silence';

CREATE FUNCTION take_requests(
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
    moment := clock_timestamp();
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


def upgrade() -> None:
    """Create it."""
    op.execute(BUDGET)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP FUNCTION take_requests")
    op.execute("DROP TABLE request_silences, request_levels")
