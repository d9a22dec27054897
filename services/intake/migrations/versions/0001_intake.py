"""Reports with their fate, readings, ratings, and the core tables."""

from alembic import op

from qipan.storage.tables import create_core_tables, drop_core_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    """Create the schema's first tables."""
    create_core_tables(op, SCHEMA)
    op.execute(f"""
        CREATE TABLE {SCHEMA}.reports (
            tenant text NOT NULL,
            report_id text NOT NULL,
            client text NOT NULL,
            digest text,
            channel text NOT NULL,
            text text NOT NULL,
            lon double precision NOT NULL,
            lat double precision NOT NULL,
            address text,
            matter_given text,
            contact_name text,
            contact_phone text,
            received_at timestamptz NOT NULL,
            received_real_at timestamptz NOT NULL DEFAULT now(),
            traceparent text,
            status text NOT NULL,
            changed_at timestamptz NOT NULL,
            triaged_at timestamptz,
            triaged_real_at timestamptz,
            held_at timestamptz,
            decided_by text,
            matter text,
            cells jsonb,
            reason text,
            merged_into text,
            bucket bigint,
            case_id text,
            case_version integer,
            PRIMARY KEY (tenant, report_id)
        ) WITH (fillfactor = 70)
    """)
    op.execute(f"""
        CREATE INDEX reports_open ON {SCHEMA}.reports (tenant, bucket, matter, received_at)
        WHERE bucket IS NOT NULL
    """)
    op.execute(f"""
        CREATE INDEX reports_held ON {SCHEMA}.reports (tenant, held_at, report_id) WHERE held_at IS NOT NULL
    """)
    op.execute(f"""
        CREATE TABLE {SCHEMA}.ratings (
            tenant text NOT NULL,
            report_id text NOT NULL,
            rating smallint NOT NULL,
            note text NOT NULL,
            rated_at timestamptz NOT NULL,
            rated_real_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant, report_id)
        )
    """)
    op.execute(f"""
        CREATE TABLE {SCHEMA}.readings (
            tenant text NOT NULL,
            device text NOT NULL,
            reading_id text NOT NULL,
            quantity text NOT NULL,
            value double precision NOT NULL,
            unit text NOT NULL,
            lon double precision NOT NULL,
            lat double precision NOT NULL,
            observed_at timestamptz NOT NULL,
            client text NOT NULL,
            PRIMARY KEY (tenant, device, reading_id)
        )
    """)


def downgrade() -> None:
    """Drop them."""
    for table in ("readings", "ratings", "reports"):
        op.execute(f"DROP TABLE {SCHEMA}.{table}")
    drop_core_tables(op, SCHEMA)
