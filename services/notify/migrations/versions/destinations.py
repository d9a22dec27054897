"""Deliveries go to a named destination, which has a gate of its own; a message may have HTML."""

from alembic import op

revision = "destinations"
down_revision = "notices"
branch_labels = None
depends_on = None

STATES = "'queued', 'sending', 'accepted', 'failed', 'given-up'"


def upgrade() -> None:
    """What was queued before went by mail."""
    op.execute(
        "ALTER TABLE notify.deliveries ADD COLUMN destination text, ADD COLUMN html text,"
        " DROP CONSTRAINT deliveries_state_check,"
        f" ADD CONSTRAINT deliveries_state_check CHECK (state IN ({STATES}, 'delivered'))"
    )
    # A process of the version before writes no destination: what it queues goes by its channel's name.
    op.execute("UPDATE notify.deliveries SET destination = channel")
    op.execute("ALTER TABLE notify.deliveries ALTER COLUMN destination SET DEFAULT 'mail'")
    op.execute("ALTER TABLE notify.deliveries ALTER COLUMN destination SET NOT NULL")
    op.execute("DROP INDEX notify.deliveries_due")
    op.execute(
        "CREATE INDEX deliveries_due ON notify.deliveries (destination, next_at)"
        " WHERE state IN ('queued', 'sending', 'failed')"
    )
    op.execute(
        "CREATE INDEX deliveries_given_up ON notify.deliveries (tenant, message_id) WHERE state = 'given-up'"
    )
    op.execute("CREATE UNIQUE INDEX deliveries_key ON notify.deliveries (tenant, key)")
    op.execute(
        """
        CREATE TABLE notify.destinations (
            name text PRIMARY KEY,
            failures integer NOT NULL,
            shut_until timestamptz,
            free_at timestamptz
        )
        """
    )


def downgrade() -> None:
    """What arrived was accepted."""
    op.execute("DROP TABLE notify.destinations")
    op.execute("DROP INDEX notify.deliveries_given_up, notify.deliveries_due, notify.deliveries_key")
    op.execute("ALTER TABLE notify.deliveries DROP CONSTRAINT deliveries_state_check")
    op.execute("UPDATE notify.deliveries SET state = 'accepted' WHERE state = 'delivered'")
    op.execute(
        f"ALTER TABLE notify.deliveries ADD CONSTRAINT deliveries_state_check CHECK (state IN ({STATES})),"
        " DROP COLUMN destination, DROP COLUMN html"
    )
    op.execute(
        "CREATE INDEX deliveries_due ON notify.deliveries (next_at)"
        " WHERE state IN ('queued', 'sending', 'failed')"
    )
