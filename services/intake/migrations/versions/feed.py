"""The feed for tenants' own systems, and the numbers by which they know reports."""

from alembic import op

revision = "feed"
down_revision = "reopenings"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    """Create the tables; add the reference."""
    op.execute(f"ALTER TABLE {SCHEMA}.reports ADD COLUMN reference text")
    op.execute(f"""
        CREATE TABLE {SCHEMA}.feed (
            tenant text NOT NULL,
            xid bigint NOT NULL DEFAULT ((pg_current_xact_id())::text)::bigint,
            seq bigint GENERATED ALWAYS AS IDENTITY,
            town text NOT NULL,
            report_id text NOT NULL,
            case_id text,
            status text NOT NULL,
            at timestamptz NOT NULL,
            matter text,
            department text,
            unit text,
            reference text,
            PRIMARY KEY (tenant, xid, seq)
        )
    """)
    op.execute(f"CREATE INDEX feed_at ON {SCHEMA}.feed (tenant, at)")
    op.execute(f"""
        CREATE TABLE {SCHEMA}.report_references (
            tenant text NOT NULL,
            report_id text NOT NULL,
            owner text NOT NULL,
            reference text NOT NULL,
            PRIMARY KEY (tenant, report_id, owner)
        )
    """)


def downgrade() -> None:
    """Drop them."""
    for table in ("report_references", "feed"):
        op.execute(f"DROP TABLE {SCHEMA}.{table}")
    op.execute(f"ALTER TABLE {SCHEMA}.reports DROP COLUMN reference")
