"""Who supports a report's case, and who took it over: they see its photos.

Of a case that is handled jointly or was handed over before, the next step brings them.
"""

from alembic import op

revision = "parties"
down_revision = "decisions"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    op.execute(f"""
        CREATE TABLE {SCHEMA}.parties (
            tenant text NOT NULL,
            report_id text NOT NULL,
            kind text NOT NULL,
            party text NOT NULL,
            PRIMARY KEY (tenant, report_id, kind, party)
        )
    """)
    op.execute(f"CREATE INDEX parties_abroad ON {SCHEMA}.parties (party, report_id) WHERE kind = 'tenant'")


def downgrade() -> None:
    op.execute(f"DROP TABLE {SCHEMA}.parties")
