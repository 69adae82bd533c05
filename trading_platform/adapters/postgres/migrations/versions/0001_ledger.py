"""The ledger: accounts, balances, signals, decisions, orders with their reservations, fills, positions, equity.

What must never happen to money is refused here, whoever writes: overspending (I2), two orders for one leg (I3), an
order that lost its reservation before its outcome was known (I4).
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ACCOUNTS = """
CREATE TABLE accounts (
    name          text PRIMARY KEY,
    quote         text NOT NULL,
    mode          text NOT NULL CHECK (mode IN ('paper', 'live')),
    revision      bigint NOT NULL DEFAULT 0,
    opened_at     timestamptz NOT NULL,
    reconciled_at timestamptz
);
COMMENT ON COLUMN accounts.revision IS
    'Grows with every reservation, booking and reconciliation; its row lock puts them in order';
COMMENT ON COLUMN accounts.reconciled_at IS 'Wall clock of the last comparison with the venue''s balances';

CREATE TABLE balances (
    account    text NOT NULL REFERENCES accounts,
    asset      text NOT NULL,
    total      numeric NOT NULL,
    reserved   numeric NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (account, asset),
    CONSTRAINT balances_never_overspent CHECK (0 <= reserved AND reserved <= total AND total < 'Infinity')
);
COMMENT ON TABLE balances IS 'What the account owns; free is total less reserved';

CREATE TABLE balance_changes (
    change_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account         text NOT NULL REFERENCES accounts,
    asset           text NOT NULL,
    cause           text NOT NULL CHECK (cause IN ('booking', 'reconciliation')),
    client_order_id text,
    total_before    numeric NOT NULL,
    total_after     numeric NOT NULL,
    missing         numeric NOT NULL DEFAULT 0 CHECK (missing >= 0),
    changed_at      timestamptz NOT NULL
);
CREATE INDEX balance_changes_by_asset ON balance_changes (account, asset, change_id);
COMMENT ON COLUMN balance_changes.missing IS
    'What a booking took beyond the ledger''s total: the next reconciliation shows where it came from';
"""

SIGNALS = """
CREATE TABLE signals (
    signal_id        text PRIMARY KEY,
    account          text NOT NULL REFERENCES accounts,
    strategy         text NOT NULL,
    strategy_version text NOT NULL,
    symbol           text NOT NULL,
    interval         text NOT NULL,
    candle_close     timestamptz NOT NULL,
    direction        text NOT NULL CHECK (direction IN ('long', 'short')),
    reason           text NOT NULL,
    evidence         jsonb NOT NULL,
    recorded_at      timestamptz NOT NULL,
    decided_at       timestamptz,
    UNIQUE (account, strategy, strategy_version, symbol, interval, candle_close)
);
CREATE INDEX signals_open ON signals (account, candle_close) WHERE decided_at IS NULL;
CREATE INDEX signals_newest ON signals (account, candle_close);
CREATE INDEX signals_newest_of_strategy ON signals (account, symbol, strategy, candle_close);
COMMENT ON COLUMN signals.signal_id IS 'Hash of account, strategy and version, symbol, interval and candle close';
COMMENT ON COLUMN signals.candle_close IS 'End of the judged candle on the venue''s clock';
COMMENT ON COLUMN signals.decided_at IS 'Wall clock of the final decision; while it is null the signal is open';

CREATE TABLE strategy_progress (
    account           text NOT NULL REFERENCES accounts,
    strategy          text NOT NULL,
    strategy_version  text NOT NULL,
    symbol            text NOT NULL,
    interval          text NOT NULL,
    evaluated_through timestamptz NOT NULL,
    PRIMARY KEY (account, strategy, strategy_version, symbol, interval)
);
COMMENT ON COLUMN strategy_progress.evaluated_through IS 'Open time of the newest candle that was judged';

CREATE TABLE decisions (
    decision_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account     text NOT NULL REFERENCES accounts,
    signal_id   text NOT NULL REFERENCES signals,
    leg         text NOT NULL,
    reason      text NOT NULL CHECK (reason ~ '^[a-z_]+$'),
    message     text NOT NULL,
    is_final    boolean NOT NULL,
    decided_at  timestamptz NOT NULL,
    venue_time  timestamptz NOT NULL,
    details     jsonb NOT NULL,
    UNIQUE (signal_id, leg, reason)
);
CREATE INDEX decisions_newest ON decisions (account, decided_at, decision_id);
COMMENT ON COLUMN decisions.reason IS 'Reason code; a repeated decision of the same reason updates its row';
COMMENT ON COLUMN decisions.is_final IS 'False while an entry is only put off';
COMMENT ON COLUMN decisions.details IS 'Checks relied on, sizing steps, settings fingerprint, run id';
"""

ORDERS = """
CREATE TABLE orders (
    client_order_id text PRIMARY KEY CHECK (client_order_id ~ '^[A-Za-z0-9]{1,32}$'),
    account         text NOT NULL REFERENCES accounts,
    signal_id       text NOT NULL REFERENCES signals,
    leg             text NOT NULL,
    strategy        text NOT NULL,
    symbol          text NOT NULL,
    side            text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity        numeric NOT NULL CHECK (quantity > 0),
    status          text NOT NULL CHECK (status IN ('intended', 'submitted', 'unknown', 'open', 'partially_filled',
                                                    'filled', 'cancelled', 'rejected', 'expired')),
    filled_quantity numeric NOT NULL DEFAULT 0 CHECK (filled_quantity >= 0),
    venue_order_id  text,
    created_at      timestamptz NOT NULL,
    submitted_at    timestamptz,
    CONSTRAINT orders_one_per_leg UNIQUE (signal_id, leg)
);
CREATE INDEX orders_unsettled ON orders (account, created_at)
    WHERE status NOT IN ('filled', 'cancelled', 'rejected', 'expired');
CREATE INDEX orders_newest ON orders (account, created_at);
COMMENT ON COLUMN orders.client_order_id IS 'Derived from signal and leg, so a rerun sends nothing twice';
COMMENT ON COLUMN orders.filled_quantity IS 'Sum of the booked fills, in base';
COMMENT ON COLUMN orders.submitted_at IS 'Wall clock, committed before the request left';

CREATE TABLE order_events (
    event_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_order_id text NOT NULL REFERENCES orders,
    status          text NOT NULL,
    reason          text NOT NULL,
    code            text,
    at              timestamptz NOT NULL
);
CREATE INDEX order_events_of_order ON order_events (client_order_id, event_id);
COMMENT ON TABLE order_events IS 'Every status an order has had, and why';
COMMENT ON COLUMN order_events.code IS 'The venue''s own error code, or ours, where it ended without fills';

CREATE TABLE reservations (
    client_order_id text PRIMARY KEY REFERENCES orders,
    account         text NOT NULL,
    asset           text NOT NULL,
    amount          numeric NOT NULL,
    remaining       numeric NOT NULL,
    state           text NOT NULL CHECK (state IN ('active', 'released', 'settled')),
    created_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    FOREIGN KEY (account, asset) REFERENCES balances,
    CHECK (0 <= remaining AND remaining <= amount AND amount < 'Infinity'),
    CHECK (state = 'active' OR remaining = 0),
    CHECK ((state = 'active') = (ended_at IS NULL))
);
CREATE INDEX reservations_active ON reservations (account, asset) WHERE state = 'active';
COMMENT ON COLUMN reservations.remaining IS 'What the fills so far have left of the amount';
COMMENT ON COLUMN reservations.state IS
    'active until the order''s outcome is known; released unused, or settled by fills';

CREATE TABLE fills (
    account         text NOT NULL REFERENCES accounts,
    symbol          text NOT NULL,
    venue_trade_id  text NOT NULL,
    client_order_id text NOT NULL REFERENCES orders,
    price           numeric NOT NULL CHECK (price > 0),
    quantity        numeric NOT NULL CHECK (quantity > 0),
    fee             numeric NOT NULL,
    fee_asset       text NOT NULL,
    filled_at       timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (account, symbol, venue_trade_id)
);
CREATE INDEX fills_of_order ON fills (client_order_id);
CREATE INDEX fills_newest ON fills (account, filled_at);
COMMENT ON COLUMN fills.filled_at IS 'Venue''s clock';
"""

POSITIONS = """
CREATE TABLE positions (
    position_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account            text NOT NULL REFERENCES accounts,
    symbol             text NOT NULL,
    strategy           text NOT NULL,
    entry_candle_close timestamptz NOT NULL,
    opened_at          timestamptz NOT NULL,
    quantity           numeric NOT NULL CHECK (quantity >= 0),
    bought_quantity    numeric NOT NULL CHECK (bought_quantity >= 0),
    cost_quote         numeric NOT NULL,
    realized_pnl_quote numeric NOT NULL,
    closed_at          timestamptz
);
CREATE UNIQUE INDEX positions_one_open_per_symbol ON positions (account, symbol) WHERE closed_at IS NULL;
CREATE INDEX positions_newest ON positions (account, symbol, position_id);
COMMENT ON COLUMN positions.quantity IS 'Base held; what a closed position has left (dust) moves into the next one';
COMMENT ON COLUMN positions.cost_quote IS 'Cost of the held quantity, fees included';
COMMENT ON COLUMN positions.opened_at IS 'Venue''s clock, as closed_at';

CREATE TABLE equity (
    account         text NOT NULL REFERENCES accounts,
    venue_minute    timestamptz NOT NULL,
    venue_time      timestamptz NOT NULL,
    cash_quote      numeric NOT NULL,
    positions_quote numeric NOT NULL,
    equity_quote    numeric GENERATED ALWAYS AS (cash_quote + positions_quote) STORED,
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (account, venue_minute)
);
COMMENT ON TABLE equity IS 'Worth of the account per minute of the venue''s clock, positions at the bid';
"""

INVARIANTS = """
CREATE FUNCTION reserved_equals_reservations() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched   record := COALESCE(NEW, OLD);
    booked    numeric := COALESCE((SELECT reserved FROM balances
                                   WHERE account = touched.account AND asset = touched.asset), 0);
    promised  numeric := COALESCE((SELECT sum(remaining) FROM reservations
                                   WHERE account = touched.account AND asset = touched.asset AND state = 'active'), 0);
BEGIN
    IF booked <> promised THEN
        RAISE EXCEPTION 'account % has % % reserved in balances, but % in active reservations',
            touched.account, booked, touched.asset, promised USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER reserved_equals_reservations AFTER INSERT OR UPDATE OR DELETE ON balances
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION reserved_equals_reservations();
CREATE CONSTRAINT TRIGGER reserved_equals_reservations AFTER INSERT OR UPDATE OR DELETE ON reservations
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION reserved_equals_reservations();

CREATE FUNCTION order_keeps_reservation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    order_status      text;
    reservation_state text;
BEGIN
    SELECT status, state INTO order_status, reservation_state
        FROM orders LEFT JOIN reservations USING (client_order_id)
        WHERE client_order_id = NEW.client_order_id;
    IF order_status IN ('filled', 'cancelled', 'rejected', 'expired') = (reservation_state = 'active')
       OR reservation_state IS NULL THEN
        RAISE EXCEPTION 'order % is %, but its reservation is %',
            NEW.client_order_id, order_status, COALESCE(reservation_state, 'missing') USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER order_keeps_reservation AFTER INSERT OR UPDATE ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION order_keeps_reservation();
CREATE CONSTRAINT TRIGGER order_keeps_reservation AFTER INSERT OR UPDATE ON reservations
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION order_keeps_reservation();
COMMENT ON FUNCTION order_keeps_reservation IS
    'An order whose outcome isn''t known keeps its reservation, and a settled one has none';
"""


def upgrade() -> None:
    """Create it."""
    for part in (ACCOUNTS, SIGNALS, ORDERS, POSITIONS, INVARIANTS):
        op.execute(part)


def downgrade() -> None:
    """Drop it, with everything in it."""
    op.execute(
        "DROP TABLE equity, positions, fills, reservations, order_events, orders, decisions, strategy_progress,"
        " signals, balance_changes, balances, accounts"
    )
    op.execute("DROP FUNCTION reserved_equals_reservations, order_keeps_reservation")
