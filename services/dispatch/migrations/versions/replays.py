"""What was brought in after hours without signal."""

from alembic import op

revision = "replays"
down_revision = "finding"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"


def upgrade() -> None:
    """Add the table."""
    op.execute(f"""
        CREATE TABLE {SCHEMA}.replays (
            tenant text NOT NULL, id text NOT NULL, case_tenant text NOT NULL, case_id text NOT NULL,
            person_tenant text NOT NULL, person text NOT NULL, sequence bigint NOT NULL, command jsonb NOT NULL,
            received_at timestamptz NOT NULL, skew double precision NOT NULL, outcome text NOT NULL,
            problem jsonb, decided_at timestamptz, decided_by text, note text, PRIMARY KEY (tenant, id)
        )
    """)
    op.execute(f"""
        CREATE INDEX replays_of_case ON {SCHEMA}.replays (tenant, person, case_id)
            WHERE outcome IN ('conflict', 'held')
    """)
    for name, tenant in (("here", "case_tenant"), ("of_ours", "person_tenant")):
        op.execute(
            f"CREATE INDEX replays_{name} ON {SCHEMA}.replays ({tenant}, received_at, id)"
            " WHERE outcome = 'conflict'"
        )


def downgrade() -> None:
    """Take it away."""
    op.execute(f"DROP TABLE {SCHEMA}.replays")
