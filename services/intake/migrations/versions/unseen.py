"""An index on when reports arrived, for the figure of those that went nowhere.

By blocks: it costs an insert next to nothing, and no update, for the time of arrival never changes.
"""

from alembic import op

revision = "unseen"
down_revision = "updates"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    op.execute(
        f"CREATE INDEX reports_received ON {SCHEMA}.reports USING brin (received_real_at)"
        " WITH (pages_per_range = 16, autosummarize = on)"
    )


def downgrade() -> None:
    op.execute(f"DROP INDEX {SCHEMA}.reports_received")
