"""Devices with keys of their own, their alarms, and the risk level of a report."""

from alembic import op

revision = "devices"
down_revision = "responsible"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    """Create the tables; add the level."""
    op.execute(f"ALTER TABLE {SCHEMA}.reports ADD COLUMN level text")
    op.execute(f"""
        CREATE TABLE {SCHEMA}.devices (
            tenant text NOT NULL,
            device_id text NOT NULL,
            kind text NOT NULL,
            digest text,
            hub text,
            matter text,
            lon double precision,
            lat double precision,
            registered_at timestamptz NOT NULL DEFAULT now(),
            registered_by text NOT NULL,
            revoked_at timestamptz,
            revoked_by text,
            PRIMARY KEY (tenant, device_id)
        )
    """)
    op.execute(f"CREATE UNIQUE INDEX devices_digest ON {SCHEMA}.devices (tenant, digest)")
    op.execute(f"""
        CREATE TABLE {SCHEMA}.alarms (
            tenant text NOT NULL,
            source text NOT NULL,
            alarm_id text NOT NULL,
            cleared boolean NOT NULL,
            matter text NOT NULL,
            level text NOT NULL,
            at timestamptz NOT NULL,
            real_at timestamptz NOT NULL DEFAULT now(),
            fate text NOT NULL,
            report_id text,
            PRIMARY KEY (tenant, source, alarm_id, cleared)
        )
    """)
    op.execute(f"""
        CREATE INDEX alarms_report ON {SCHEMA}.alarms (tenant, report_id) WHERE report_id IS NOT NULL
    """)
    op.execute(f"""
        CREATE TABLE {SCHEMA}.alarm_series (
            tenant text NOT NULL,
            source text NOT NULL,
            matter text NOT NULL,
            report_id text,
            first_at timestamptz,
            last_at timestamptz,
            times integer NOT NULL DEFAULT 0,
            level text NOT NULL DEFAULT 'normal',
            cleared_at timestamptz,
            PRIMARY KEY (tenant, source, matter)
        )
    """)


def downgrade() -> None:
    """Drop them."""
    for table in ("alarm_series", "alarms", "devices"):
        op.execute(f"DROP TABLE {SCHEMA}.{table}")
    op.execute(f"ALTER TABLE {SCHEMA}.reports DROP COLUMN level")
