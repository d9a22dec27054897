"""When each case was dispatched, inspected and closed, whether in time; its place, unit and words; published leagues.

What is counted newly of cases that are there already is not in the totals yet: `qipan analytics recount`, once.
"""

from alembic import op

revision = "figures"
down_revision = "extensions"
branch_labels = None
depends_on = None

STATES = {
    "due_at": "timestamptz",
    "filed_in_time": "smallint NOT NULL DEFAULT 1",
    "dispatched_at": "timestamptz",
    "dispatched_in_time": "smallint NOT NULL DEFAULT 1",
    "inspected_at": "timestamptz",
    "inspected_in_time": "smallint NOT NULL DEFAULT 1",
    "closed_in_time": "smallint NOT NULL DEFAULT 1",
    "work_minutes": "integer NOT NULL DEFAULT 0",
    "unit": "text",
    "lon": "double precision NOT NULL DEFAULT 0",
    "lat": "double precision NOT NULL DEFAULT 0",
    "component": "text",
    "said": "text NOT NULL DEFAULT ''",
    "did": "text NOT NULL DEFAULT ''",
}
COUNTERS = (
    "filed_well",
    "dispatched",
    "dispatched_well",
    "undispatched",
    "inspected",
    "inspected_on_time",
    "uninspected",
    "closed_on_time",
    "closed_reworked",
    "unclosed",
    "reworked_unclosed",
)


def upgrade() -> None:
    """Add the states and the counters, and a table for what is published."""
    for name, kind in STATES.items():
        op.execute(f"ALTER TABLE analytics.case_states ADD COLUMN {name} {kind}")
    for counter in COUNTERS:
        op.execute(f"ALTER TABLE analytics.totals ADD COLUMN {counter} integer NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE analytics.totals ADD COLUMN work_minutes bigint NOT NULL DEFAULT 0")
    op.execute("CREATE INDEX case_states_filed ON analytics.case_states (tenant, filed_at)")
    op.execute(
        """
        CREATE TABLE analytics.leagues (
            tenant text NOT NULL,
            league text NOT NULL,
            since timestamptz NOT NULL,
            until timestamptz NOT NULL,
            revision integer NOT NULL,
            period text NOT NULL,
            at timestamptz NOT NULL,
            by text NOT NULL,
            reason text NOT NULL DEFAULT '',
            places jsonb NOT NULL,
            PRIMARY KEY (tenant, league, since, until, revision)
        )
        """
    )


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE analytics.leagues")
    op.execute("DROP INDEX analytics.case_states_filed")
    for name in STATES:
        op.execute(f"ALTER TABLE analytics.case_states DROP COLUMN {name}")
    for counter in (*COUNTERS, "work_minutes"):
        op.execute(f"ALTER TABLE analytics.totals DROP COLUMN {counter}")
