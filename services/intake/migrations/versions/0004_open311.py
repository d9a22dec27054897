"""API keys; what came in through Open311, and each step of it."""

from alembic import op

revision = "0004_open311"
down_revision = "0003_where"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    """Create the tables."""
    op.execute(f"""
        CREATE TABLE {SCHEMA}.api_keys (
            tenant text NOT NULL,
            key_id text NOT NULL,
            digest text NOT NULL,
            client text NOT NULL,
            issued_at timestamptz NOT NULL DEFAULT now(),
            issued_by text NOT NULL,
            revoked_at timestamptz,
            revoked_by text,
            PRIMARY KEY (tenant, key_id)
        )
    """)
    op.execute(f"CREATE UNIQUE INDEX api_keys_digest ON {SCHEMA}.api_keys (tenant, digest)")
    op.execute(f"""
        CREATE TABLE {SCHEMA}.open311_requests (
            tenant text NOT NULL,
            report_id text NOT NULL,
            description text,
            address text,
            address_id text,
            media_url text,
            attributes jsonb NOT NULL,
            requested_at timestamptz NOT NULL,
            expected_at timestamptz,
            updated_at timestamptz NOT NULL,
            original_id text,
            PRIMARY KEY (tenant, report_id)
        )
    """)
    op.execute(f"""
        CREATE INDEX open311_requests_requested
        ON {SCHEMA}.open311_requests (tenant, requested_at, report_id)
    """)
    op.execute(f"""
        CREATE INDEX open311_requests_updated ON {SCHEMA}.open311_requests (tenant, updated_at, report_id)
    """)
    op.execute(f"""
        CREATE INDEX open311_requests_original ON {SCHEMA}.open311_requests (tenant, original_id)
        WHERE original_id IS NOT NULL
    """)
    op.execute(f"""
        CREATE TABLE {SCHEMA}.open311_updates (
            tenant text NOT NULL,
            report_id text NOT NULL,
            at timestamptz NOT NULL,
            status text NOT NULL,
            PRIMARY KEY (tenant, report_id, at, status)
        )
    """)
    op.execute(f"CREATE INDEX open311_updates_at ON {SCHEMA}.open311_updates (tenant, at, report_id)")


def downgrade() -> None:
    """Drop them."""
    for table in ("open311_updates", "open311_requests", "api_keys"):
        op.execute(f"DROP TABLE {SCHEMA}.{table}")
