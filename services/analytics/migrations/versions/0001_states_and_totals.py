"""The newest state of every case and report, and the totals."""

from alembic import op

from qipan.storage.tables import create_core_tables, drop_core_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Rows are updated in place over and over: room is left on each page, so that no index needs touching.


def upgrade() -> None:
    create_core_tables(op, "analytics")
    op.execute(
        """
        CREATE TABLE analytics.case_states (
            tenant text NOT NULL,
            case_id text NOT NULL,
            version integer NOT NULL,
            stage text NOT NULL,
            department text,
            matter text NOT NULL,
            cell text,
            channel text NOT NULL,
            filed_at timestamptz NOT NULL,
            dispose_due_at timestamptz,
            disposed_at timestamptz,
            closed_at timestamptz,
            offers integer NOT NULL,
            returns integer NOT NULL,
            reworks integer NOT NULL,
            rating smallint,
            PRIMARY KEY (tenant, case_id)
        ) WITH (fillfactor = 60)
        """
    )
    op.execute(
        """
        CREATE TABLE analytics.report_states (
            tenant text NOT NULL,
            report_id text NOT NULL,
            triaged_at timestamptz NOT NULL,
            outcome text NOT NULL,
            matter text,
            cell text,
            channel text NOT NULL,
            received_at timestamptz NOT NULL,
            PRIMARY KEY (tenant, report_id)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE analytics.totals (
            tenant text NOT NULL,
            cut text NOT NULL,
            bucket timestamptz NOT NULL,
            member text NOT NULL,
            received integer NOT NULL DEFAULT 0,
            for_filing integer NOT NULL DEFAULT 0,
            self_disposed integer NOT NULL DEFAULT 0,
            declined integer NOT NULL DEFAULT 0,
            held integer NOT NULL DEFAULT 0,
            merged integer NOT NULL DEFAULT 0,
            filed integer NOT NULL DEFAULT 0,
            offers integer NOT NULL DEFAULT 0,
            returns integer NOT NULL DEFAULT 0,
            open integer NOT NULL DEFAULT 0,
            disposed integer NOT NULL DEFAULT 0,
            on_time integer NOT NULL DEFAULT 0,
            reworked integer NOT NULL DEFAULT 0,
            settled integer NOT NULL DEFAULT 0,
            undisposed integer NOT NULL DEFAULT 0,
            late integer NOT NULL DEFAULT 0,
            closed integer NOT NULL DEFAULT 0,
            voided integer NOT NULL DEFAULT 0,
            rated integer NOT NULL DEFAULT 0,
            satisfied integer NOT NULL DEFAULT 0,
            PRIMARY KEY (tenant, cut, bucket, member)
        ) WITH (fillfactor = 50)
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE analytics.totals, analytics.report_states, analytics.case_states")
    drop_core_tables(op, "analytics")
