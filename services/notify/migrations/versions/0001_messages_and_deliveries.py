"""Messages in people's inboxes and deliveries to the world outside."""

from alembic import op

from qipan.storage.tables import create_core_tables, drop_core_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_core_tables(op, "notify")
    op.execute(
        """
        CREATE TABLE notify.messages (
            tenant text NOT NULL,
            recipient text NOT NULL,
            message_id text NOT NULL,
            about_tenant text NOT NULL,
            case_id text NOT NULL,
            version integer NOT NULL,
            event text NOT NULL,
            title text NOT NULL,
            body text NOT NULL,
            at timestamptz NOT NULL,
            read_at timestamptz,
            traceparent text,
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant, recipient, message_id)
        )
        """
    )
    op.execute("CREATE INDEX messages_case ON notify.messages (about_tenant, case_id)")
    op.execute(
        """
        CREATE TABLE notify.deliveries (
            tenant text NOT NULL,
            message_id text NOT NULL,
            recipient text NOT NULL,
            channel text NOT NULL,
            key text NOT NULL,
            about_tenant text NOT NULL,
            case_id text NOT NULL,
            version integer NOT NULL,
            event text NOT NULL,
            title text NOT NULL,
            body text NOT NULL,
            at timestamptz NOT NULL,
            traceparent text,
            state text NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'sending', 'accepted', 'failed', 'given-up')),
            attempts integer NOT NULL DEFAULT 0,
            next_at timestamptz NOT NULL DEFAULT now(),
            error text,
            created_at timestamptz NOT NULL DEFAULT now(),
            changed_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant, message_id, recipient, channel)
        )
        """
    )
    op.execute("CREATE INDEX deliveries_case ON notify.deliveries (about_tenant, case_id)")
    op.execute(
        "CREATE INDEX deliveries_due ON notify.deliveries (next_at)"
        " WHERE state IN ('queued', 'sending', 'failed')"
    )


def downgrade() -> None:
    op.execute("DROP TABLE notify.deliveries, notify.messages")
    drop_core_tables(op, "notify")
