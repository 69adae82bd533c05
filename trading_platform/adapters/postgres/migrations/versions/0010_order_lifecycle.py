"""Orders of every kind, and what happened to each as typed events."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ORDERS = """
ALTER TABLE orders
    ADD COLUMN kind text NOT NULL DEFAULT 'market' CHECK (kind IN ('market', 'limit', 'stop_loss', 'take_profit')),
    ADD COLUMN limit_price numeric CHECK (limit_price > 0),
    ADD COLUMN stop_price numeric CHECK (stop_price > 0),
    ADD COLUMN list_id text CHECK (list_id ~ '^[A-Za-z0-9]{1,32}$'),
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN cancel_requested_at timestamptz,
    ADD COLUMN asked_at timestamptz,
    ADD CONSTRAINT orders_have_their_prices CHECK (CASE kind
        WHEN 'market' THEN limit_price IS NULL AND stop_price IS NULL
        WHEN 'limit' THEN limit_price IS NOT NULL AND stop_price IS NULL
        WHEN 'stop_loss' THEN stop_price IS NOT NULL
        ELSE limit_price IS NOT NULL OR stop_price IS NOT NULL END);
CREATE INDEX orders_of_list ON orders (list_id) WHERE list_id IS NOT NULL;
COMMENT ON COLUMN orders.list_id IS 'Client id of the order list at the venue: one of its orders cancels the other';
COMMENT ON COLUMN orders.expires_at IS 'Venue''s clock: when what hasn''t filled is cancelled';
COMMENT ON COLUMN orders.cancel_requested_at IS 'Wall clock, committed before the cancel left';
COMMENT ON COLUMN orders.asked_at IS 'Wall clock of the venue''s last answer about it while it rested';
"""

EVENTS = """
ALTER TABLE order_events ADD COLUMN kind text, ADD COLUMN payload jsonb NOT NULL DEFAULT '{}';
UPDATE order_events SET kind = CASE status
    WHEN 'unknown' THEN 'marked_unknown' WHEN 'open' THEN 'acknowledged' ELSE status END;
ALTER TABLE order_events ALTER COLUMN kind SET NOT NULL;
COMMENT ON TABLE order_events IS 'Everything that happened to an order: replayed, its events give its state';
COMMENT ON COLUMN order_events.status IS 'The status that the event left the order in';
COMMENT ON COLUMN order_events.payload IS 'Filled quantity, trade ids, the venue''s id and answer';

CREATE FUNCTION order_events_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events of orders are only ever added' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER order_events_stay BEFORE UPDATE OR DELETE ON order_events
    FOR EACH ROW EXECUTE FUNCTION order_events_stay();

CREATE FUNCTION orders_never_reopen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'order % is %, so it can''t become %', NEW.client_order_id, OLD.status, NEW.status
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER orders_never_reopen BEFORE UPDATE ON orders FOR EACH ROW
    WHEN (OLD.status IN ('filled', 'cancelled', 'rejected', 'expired')
          AND NEW.status NOT IN ('filled', 'cancelled', 'rejected', 'expired'))
    EXECUTE FUNCTION orders_never_reopen();

CREATE FUNCTION order_told_by_its_events() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_now text := (SELECT status FROM orders WHERE client_order_id = NEW.client_order_id);
    told   text := (SELECT status FROM order_events WHERE client_order_id = NEW.client_order_id
                    ORDER BY event_id DESC LIMIT 1);
BEGIN
    IF is_now IS DISTINCT FROM told THEN
        RAISE EXCEPTION 'order % is %, but its events say %', NEW.client_order_id, is_now, COALESCE(told, 'nothing')
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER order_told_by_its_events AFTER INSERT OR UPDATE OF status ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION order_told_by_its_events();
CREATE CONSTRAINT TRIGGER order_told_by_its_events AFTER INSERT ON order_events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION order_told_by_its_events();
"""

WITHOUT = """
DROP TRIGGER order_events_stay ON order_events;
DROP TRIGGER order_told_by_its_events ON order_events;
DROP TRIGGER order_told_by_its_events ON orders;
DROP TRIGGER orders_never_reopen ON orders;
DROP FUNCTION order_events_stay, order_told_by_its_events, orders_never_reopen;
ALTER TABLE order_events DROP COLUMN kind, DROP COLUMN payload;
DROP INDEX orders_of_list;
ALTER TABLE orders DROP CONSTRAINT orders_have_their_prices, DROP COLUMN kind, DROP COLUMN limit_price,
    DROP COLUMN stop_price, DROP COLUMN list_id, DROP COLUMN expires_at, DROP COLUMN cancel_requested_at,
    DROP COLUMN asked_at;
"""


def upgrade() -> None:
    """Add them; every order so far was a market order, and its statuses were its events."""
    op.execute(ORDERS)
    op.execute(EVENTS)


def downgrade() -> None:
    """Forget them."""
    op.execute(WITHOUT)
