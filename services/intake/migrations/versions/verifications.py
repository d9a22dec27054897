"""核实: what grid workers look at before it is filed."""

from alembic import op

revision = "verifications"
down_revision = "devices"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    """Create the table."""
    op.execute(f"""
        CREATE TABLE {SCHEMA}.verifications (
            tenant text NOT NULL,
            report_id text NOT NULL,
            cell text NOT NULL,
            asked_at timestamptz NOT NULL,
            asked_real_at timestamptz NOT NULL DEFAULT now(),
            due_at timestamptz NOT NULL,
            asked_by text NOT NULL,
            reason text NOT NULL,
            open boolean NOT NULL DEFAULT true,
            answered_at timestamptz,
            answered_real_at timestamptz,
            answered_by text,
            finding text,
            matter text,
            note text,
            evidence jsonb,
            lapsed_at timestamptz,
            PRIMARY KEY (tenant, report_id)
        )
    """)
    op.execute(f"""
        CREATE INDEX verifications_open ON {SCHEMA}.verifications (tenant, due_at, report_id) WHERE open
    """)


def downgrade() -> None:
    """Drop it."""
    op.execute(f"DROP TABLE {SCHEMA}.verifications")
