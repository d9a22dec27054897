"""A dead letter on its way is marked as such, so that nothing is locked while the broker is asked."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CHECK = "dead_letters_state_check"


def upgrade() -> None:
    op.execute(f"ALTER TABLE steward.dead_letters DROP CONSTRAINT {CHECK}")
    op.execute(
        f"ALTER TABLE steward.dead_letters ADD CONSTRAINT {CHECK}"
        " CHECK (state IN ('open', 'redriving', 'redriven', 'discarded'))"
    )


def downgrade() -> None:
    op.execute("UPDATE steward.dead_letters SET state = 'open' WHERE state = 'redriving'")
    op.execute(f"ALTER TABLE steward.dead_letters DROP CONSTRAINT {CHECK}")
    op.execute(
        f"ALTER TABLE steward.dead_letters ADD CONSTRAINT {CHECK}"
        " CHECK (state IN ('open', 'redriven', 'discarded'))"
    )
