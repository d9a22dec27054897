"""Accounts whose passwords were changed. The gateway publishes and consumes nothing durable: no outbox."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "gateway"


def upgrade() -> None:
    """Create the schema's table."""
    op.execute(f"""
        CREATE TABLE {SCHEMA}.accounts (
            tenant text NOT NULL,
            login text NOT NULL,
            password_hash text NOT NULL,
            changed_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant, login)
        )
    """)


def downgrade() -> None:
    """Undo `upgrade`."""
    op.execute(f"DROP TABLE {SCHEMA}.accounts")
