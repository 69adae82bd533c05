"""Stops and targets: never two stops at work on one symbol of an account, whoever places them."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STOPS = """
CREATE UNIQUE INDEX orders_one_stop_at_work ON orders (account, symbol)
    WHERE kind = 'stop_loss' AND status NOT IN ('filled', 'cancelled', 'rejected', 'expired');
COMMENT ON COLUMN reservations.amount IS
    'What was reserved; an order that takes over what the other one of its list leaves may hold more than it asked for';
"""

WITHOUT = """
COMMENT ON COLUMN reservations.amount IS NULL;
DROP INDEX orders_one_stop_at_work;
"""


def upgrade() -> None:
    """Add them."""
    op.execute(STOPS)


def downgrade() -> None:
    """Take them away."""
    op.execute(WITHOUT)
