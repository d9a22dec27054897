"""Every decision about a report, kept for good: the report's row tells the newest alone.

What was decided before is told as its row has it.
"""

from alembic import op

revision = "decisions"
down_revision = "duplicates"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    op.execute(f"""
        CREATE TABLE {SCHEMA}.decisions (
            tenant text NOT NULL,
            report_id text NOT NULL,
            seq bigint GENERATED ALWAYS AS IDENTITY,
            at timestamptz NOT NULL,
            real_at timestamptz NOT NULL DEFAULT now(),
            status text NOT NULL,
            reason text,
            who text,
            matter text,
            merged_into text,
            PRIMARY KEY (tenant, report_id, seq)
        )
    """)
    op.execute(f"""
        CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.decisions
        FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.only_added_to()
    """)


def downgrade() -> None:
    op.execute(f"DROP TABLE {SCHEMA}.decisions")
