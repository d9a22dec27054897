"""The logs of mandates and of cases are append-only, as the history is."""

from alembic import op

revision = "logs_stay"
down_revision = "endorsements"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"
LOGS = ("mandate_log", "case_log")


def upgrade() -> None:
    for log in LOGS:
        op.execute(
            f"CREATE TRIGGER history_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.{log}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.history_stays()"
        )


def downgrade() -> None:
    for log in LOGS:
        op.execute(f"DROP TRIGGER history_stays ON {SCHEMA}.{log}")
