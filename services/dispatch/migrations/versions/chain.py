"""The history's chain of hashes, by which right each step was taken, and a lock on what is written.

Rows that are there already stay as they are: a case's chain begins with its next step.
"""

import sqlalchemy as sa
from alembic import op

revision = "chain"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"


def upgrade() -> None:
    op.add_column("cases", sa.Column("chain", sa.LargeBinary), schema=SCHEMA)
    op.add_column("history", sa.Column("authority", sa.Text), schema=SCHEMA)
    op.add_column("history", sa.Column("shown", sa.LargeBinary), schema=SCHEMA)
    op.add_column("history", sa.Column("hash", sa.LargeBinary), schema=SCHEMA)
    op.execute(
        f"CREATE FUNCTION {SCHEMA}.history_stays() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN RAISE EXCEPTION 'the history is append-only: % is refused', TG_OP"
        " USING ERRCODE = 'insufficient_privilege'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER history_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.history"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.history_stays()"
    )


def downgrade() -> None:
    op.execute(f"DROP TRIGGER history_stays ON {SCHEMA}.history")
    op.execute(f"DROP FUNCTION {SCHEMA}.history_stays()")
    for column in ("hash", "shown", "authority"):
        op.drop_column("history", column, schema=SCHEMA)
    op.drop_column("cases", "chain", schema=SCHEMA)
