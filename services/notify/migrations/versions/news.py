"""An index on when each person's messages were written: what is new is asked for while people stream."""

from alembic import op

revision = "news"
down_revision = "hearing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX messages_written ON notify.messages (tenant, recipient, created_at)")


def downgrade() -> None:
    op.execute("DROP INDEX notify.messages_written")
