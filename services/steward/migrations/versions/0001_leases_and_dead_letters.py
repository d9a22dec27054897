"""Who serves which tenant, what the broker holds for them, and the messages that nobody could handle."""

from alembic import op

from qipan.storage.tables import create_core_tables, drop_core_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_core_tables(op, "steward")
    op.execute(
        """
        CREATE TABLE steward.takeovers (
            tenant text NOT NULL,
            service text NOT NULL,
            added boolean NOT NULL,
            events text[] NOT NULL DEFAULT '{}',
            bound boolean NOT NULL DEFAULT true,
            quiet_since timestamptz,
            PRIMARY KEY (tenant, service)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE steward.leases (
            tenant text NOT NULL,
            service text NOT NULL,
            instance text NOT NULL,
            leaving boolean NOT NULL DEFAULT false,
            since timestamptz NOT NULL DEFAULT clock_timestamp(),
            until timestamptz NOT NULL,
            PRIMARY KEY (tenant, service, instance),
            FOREIGN KEY (tenant, service) REFERENCES steward.takeovers
        )
        """
    )
    op.execute(
        """
        CREATE TABLE steward.dead_letters (
            tenant text NOT NULL,
            id text NOT NULL,
            service text NOT NULL,
            message_id text NOT NULL,
            key text NOT NULL,
            reason text NOT NULL,
            traceback text NOT NULL DEFAULT '',
            properties jsonb NOT NULL,
            headers jsonb NOT NULL,
            body bytea NOT NULL,
            redrives integer NOT NULL DEFAULT 0,
            first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            last_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'redriven', 'discarded')),
            settled_at timestamptz,
            settled_by text,
            PRIMARY KEY (tenant, id)
        )
        """
    )
    op.execute("CREATE INDEX dead_letters_order ON steward.dead_letters (state, first_at, id)")
    op.execute("CREATE INDEX dead_letters_id ON steward.dead_letters (id)")


def downgrade() -> None:
    for table in ("dead_letters", "leases", "takeovers"):
        op.execute(f"DROP TABLE steward.{table}")
    drop_core_tables(op, "steward")
