"""How a report's place was found, and the component that it is about."""

from alembic import op

revision = "0003_where"
down_revision = "0002_citizen"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    """Add the columns; reports stored before have none of it."""
    op.execute(f"""
        ALTER TABLE {SCHEMA}.reports
            ADD COLUMN located jsonb, ADD COLUMN component text, ADD COLUMN place jsonb
    """)


def downgrade() -> None:
    """Drop them."""
    op.execute(f"ALTER TABLE {SCHEMA}.reports DROP COLUMN located, DROP COLUMN component, DROP COLUMN place")
