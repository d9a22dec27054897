"""Operating modes, every switch of every town; where workers on shift are, and a short while were."""

import sqlalchemy as sa
from alembic import op

revision = "modes"
down_revision = "replays"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"


def upgrade() -> None:
    stamp = sa.DateTime(timezone=True)
    op.create_table(
        "modes",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("level", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", stamp, nullable=False),
        sa.Column("until", stamp),
        sa.Column("by", sa.Text, nullable=False),
        schema=SCHEMA,
    )
    for name, newest in (("positions", True), ("trails", False)):
        op.create_table(
            name,
            sa.Column("tenant", sa.Text, primary_key=True),
            sa.Column("worker", sa.Text, primary_key=True),
            sa.Column("at", stamp, primary_key=not newest, nullable=False),
            sa.Column("lon", sa.Double, nullable=False),
            sa.Column("lat", sa.Double, nullable=False),
            sa.Column("metres", sa.Double),
            schema=SCHEMA,
        )


def downgrade() -> None:
    for name in ("trails", "positions", "modes"):
        op.drop_table(name, schema=SCHEMA)
