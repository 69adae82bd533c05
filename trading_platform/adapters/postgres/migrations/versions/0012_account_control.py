"""The kill switch, what equity is measured against, transfers, differences with the venue, and arming."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

HALTS = """
CREATE TABLE halts (
    halt_id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account            text NOT NULL REFERENCES accounts,
    halted_by          text NOT NULL,
    reason             text NOT NULL,
    flatten            boolean NOT NULL,
    halted_at          timestamptz NOT NULL,
    venue_time         timestamptz NOT NULL,
    resumed_at         timestamptz,
    resumed_venue_time timestamptz,
    resumed_by         text NOT NULL DEFAULT '',
    resume_reason      text NOT NULL DEFAULT '',
    CHECK ((resumed_at IS NULL) = (resumed_venue_time IS NULL))
);
CREATE UNIQUE INDEX halts_one_in_force ON halts (account) WHERE resumed_at IS NULL;
CREATE INDEX halts_newest ON halts (account, halt_id);
COMMENT ON TABLE halts IS 'The kill switch: while a row has no resumed_at, the account buys nothing';
COMMENT ON COLUMN halts.halted_by IS 'owner, or the protection that pulled it';
COMMENT ON COLUMN halts.flatten IS 'Every position is to be closed by market orders';
COMMENT ON COLUMN halts.halted_at IS 'Wall clock, as resumed_at; venue_time and resumed_venue_time are the venue''s';
"""

MARKS = """
CREATE TABLE equity_marks (
    account        text PRIMARY KEY REFERENCES accounts,
    peak_quote     numeric NOT NULL,
    day            date NOT NULL,
    day_open_quote numeric NOT NULL,
    last_quote     numeric NOT NULL
);
COMMENT ON TABLE equity_marks IS 'What drawdown and daily loss are measured against; transfers are taken out of it';
COMMENT ON COLUMN equity_marks.peak_quote IS 'Highest equity since the account was opened or last resumed';
COMMENT ON COLUMN equity_marks.day IS 'UTC day on the venue''s clock';

CREATE INDEX positions_newest_closed ON positions (account, closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX decisions_approved ON decisions (account, venue_time) WHERE reason = 'approved';
"""

TRANSFERS = """
ALTER TABLE accounts ADD COLUMN reconciled_venue_time timestamptz;
COMMENT ON COLUMN accounts.reconciled_venue_time IS 'Venue''s clock at reconciled_at';

CREATE TABLE transfers (
    transfer_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account             text NOT NULL REFERENCES accounts,
    asset               text NOT NULL,
    amount              numeric NOT NULL CHECK (amount <> 0 AND amount < 'Infinity'),
    kind                text NOT NULL CHECK (kind IN ('opening', 'deposit', 'withdrawal', 'adjustment')),
    reason              text NOT NULL,
    recorded_by         text NOT NULL,
    venue_time          timestamptz NOT NULL,
    recorded_at         timestamptz NOT NULL,
    amount_quote        numeric,
    equity_before_quote numeric,
    venue_id            text NOT NULL
);
CREATE UNIQUE INDEX transfers_of_venue ON transfers (account, venue_id) WHERE venue_id <> '';
CREATE INDEX transfers_newest ON transfers (account, transfer_id);
COMMENT ON TABLE transfers IS 'Money that came (or, negative, went) without a trade';
COMMENT ON COLUMN transfers.equity_before_quote IS 'Worth of the account just before: the marks are scaled by both';

CREATE TABLE balance_differences (
    account      text NOT NULL REFERENCES accounts,
    asset        text NOT NULL,
    ledger_total numeric NOT NULL,
    venue_total  numeric NOT NULL,
    value_quote  numeric,
    cause        text NOT NULL,
    found_at     timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    PRIMARY KEY (account, asset)
);
COMMENT ON TABLE balance_differences IS 'Where ledger and venue disagree now: entries wait until there is no row';
"""

ARMINGS = """
CREATE TABLE armings (
    arming_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account     text NOT NULL REFERENCES accounts,
    venue       text NOT NULL,
    armed_by    text NOT NULL,
    note        text NOT NULL,
    armed_at    timestamptz NOT NULL,
    disarmed_at timestamptz
);
CREATE UNIQUE INDEX armings_one_in_force ON armings (account) WHERE disarmed_at IS NULL;
COMMENT ON TABLE armings IS 'The owner''s permission to trade real money, in force while disarmed_at is null';
"""

INVARIANT = """
CREATE FUNCTION only_permitted_accounts_buy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM halts WHERE account = NEW.account AND resumed_at IS NULL) THEN
        RAISE EXCEPTION 'account % is halted: order % would buy', NEW.account, NEW.client_order_id
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM accounts WHERE name = NEW.account AND mode = 'live')
       AND NOT EXISTS (SELECT FROM armings WHERE account = NEW.account AND disarmed_at IS NULL) THEN
        RAISE EXCEPTION 'account % is not armed: order % would buy', NEW.account, NEW.client_order_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER only_permitted_accounts_buy AFTER INSERT ON orders
    FOR EACH ROW WHEN (NEW.side = 'buy') EXECUTE FUNCTION only_permitted_accounts_buy();
"""


def upgrade() -> None:
    """Create them."""
    for part in (HALTS, MARKS, TRANSFERS, ARMINGS, INVARIANT):
        op.execute(part)


def downgrade() -> None:
    """Drop them, with everything in them."""
    op.execute("DROP TRIGGER only_permitted_accounts_buy ON orders")
    op.execute("DROP FUNCTION only_permitted_accounts_buy")
    op.execute("DROP INDEX positions_newest_closed, decisions_approved")
    op.execute("DROP TABLE armings, balance_differences, transfers, equity_marks, halts")
    op.execute("ALTER TABLE accounts DROP COLUMN reconciled_venue_time")
