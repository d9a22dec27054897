"""The totals in partitions: one for ever, one by default, and one a month, which analytics makes itself.

All there is becomes the default partition, so that nothing is copied here; analytics moves it, a month at a time.
"""

from alembic import op

revision = "months"
down_revision = "figures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put the totals under a partitioned table."""
    op.execute("SET LOCAL statement_timeout = 0")
    op.execute("ALTER TABLE analytics.totals RENAME TO totals_other")
    op.execute("ALTER INDEX analytics.totals_pkey RENAME TO totals_other_pkey")
    op.execute(
        "CREATE TABLE analytics.totals (LIKE analytics.totals_other INCLUDING DEFAULTS,"
        " PRIMARY KEY (tenant, cut, bucket, member)) PARTITION BY RANGE (bucket)"
    )
    op.execute(
        "CREATE TABLE analytics.totals_epoch PARTITION OF analytics.totals"
        " FOR VALUES FROM ('1970-01-01T00:00Z') TO ('1970-02-01T00:00Z') WITH (fillfactor = 50)"
    )
    op.execute(
        "WITH moved AS (DELETE FROM analytics.totals_other"
        " WHERE bucket >= '1970-01-01T00:00Z' AND bucket < '1970-02-01T00:00Z' RETURNING *)"
        " INSERT INTO analytics.totals_epoch SELECT * FROM moved"
    )
    op.execute("ALTER TABLE analytics.totals ATTACH PARTITION analytics.totals_other DEFAULT")
    op.execute(
        "CREATE TABLE analytics.drops ("
        " before timestamptz PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())"
    )


def downgrade() -> None:
    """Put them into one table again."""
    op.execute("SET LOCAL statement_timeout = 0")
    op.execute("DROP TABLE analytics.drops")
    op.execute("ALTER TABLE analytics.totals RENAME TO totals_of_months")
    op.execute("ALTER INDEX analytics.totals_pkey RENAME TO totals_of_months_pkey")
    op.execute(
        "CREATE TABLE analytics.totals (LIKE analytics.totals_of_months INCLUDING DEFAULTS,"
        " PRIMARY KEY (tenant, cut, bucket, member)) WITH (fillfactor = 50)"
    )
    op.execute("INSERT INTO analytics.totals SELECT * FROM analytics.totals_of_months")
    op.execute("DROP TABLE analytics.totals_of_months")
