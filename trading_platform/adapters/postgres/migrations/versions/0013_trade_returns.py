"""What was invested in a position: its profit becomes comparable with that of others."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Of positions that were opened before this, their symbol's buys between opening and closing.
INVESTED = """
ALTER TABLE positions ADD COLUMN invested_quote numeric NOT NULL DEFAULT 0
    CHECK (invested_quote >= 0 AND invested_quote < 'Infinity');
COMMENT ON COLUMN positions.invested_quote IS 'What all that was bought for it cost, fees in quote included';
UPDATE positions SET invested_quote = bought.cost FROM (
    SELECT position_id, sum(f.price * f.quantity + CASE WHEN f.fee_asset = a.quote THEN f.fee ELSE 0 END) AS cost
    FROM positions p
    JOIN accounts a ON a.name = p.account
    JOIN fills f ON f.account = p.account AND f.symbol = p.symbol
        AND f.filled_at >= p.opened_at AND (p.closed_at IS NULL OR f.filled_at <= p.closed_at)
    JOIN orders o ON o.client_order_id = f.client_order_id AND o.side = 'buy'
    GROUP BY position_id
) AS bought WHERE bought.position_id = positions.position_id;
CREATE INDEX positions_closed_of_strategy ON positions (account, strategy, closed_at DESC)
    WHERE closed_at IS NOT NULL;
"""


def upgrade() -> None:
    """Add it, reckoned from the fills where there are any."""
    op.execute(INVESTED)


def downgrade() -> None:
    """Forget it."""
    op.execute("ALTER TABLE positions DROP COLUMN invested_quote; DROP INDEX positions_closed_of_strategy")
