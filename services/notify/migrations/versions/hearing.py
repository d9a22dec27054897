"""People's wishes, gathered deliveries, call-outs of who is on a roster, reporters who want to be told."""

from alembic import op

revision = "hearing"
down_revision = "destinations"
branch_labels = None
depends_on = None

STATES = "'queued', 'sending', 'accepted', 'delivered', 'failed', 'given-up'"


def upgrade() -> None:
    """Beside what there is."""
    op.execute(
        """
        CREATE TABLE notify.wishes (
            tenant text NOT NULL,
            person text NOT NULL,
            wishes jsonb NOT NULL,
            changed_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant, person)
        )
        """
    )
    op.execute("CREATE INDEX wishes_follows ON notify.wishes (tenant) WHERE wishes -> 'follows' <> '[]'")
    op.execute(
        """
        CREATE TABLE notify.callouts (
            tenant text NOT NULL,
            callout_id text NOT NULL,
            number bigint GENERATED ALWAYS AS IDENTITY,
            roster text NOT NULL,
            template text NOT NULL,
            event text NOT NULL,
            about_tenant text NOT NULL,
            case_id text,
            report_id text,
            version integer NOT NULL,
            at timestamptz NOT NULL,
            traceparent text,
            words jsonb NOT NULL,
            people text[] NOT NULL,
            asked integer NOT NULL,
            state text NOT NULL CHECK (state IN ('open', 'answered', 'unanswered')),
            due_at timestamptz,
            answered_by text,
            answered_at timestamptz,
            PRIMARY KEY (tenant, callout_id)
        )
        """
    )
    op.execute("CREATE INDEX callouts_newest ON notify.callouts (tenant, number)")
    op.execute("ALTER TABLE notify.messages ADD COLUMN callout_id text")
    op.execute(
        """
        CREATE TABLE notify.reporters (
            tenant text NOT NULL,
            report_id text NOT NULL,
            language text NOT NULL,
            wanted boolean NOT NULL,
            changed_at timestamptz NOT NULL,
            PRIMARY KEY (tenant, report_id)
        )
        """
    )
    op.execute(
        "ALTER TABLE notify.deliveries ADD COLUMN gathered_in text,"
        " DROP CONSTRAINT deliveries_state_check,"
        f" ADD CONSTRAINT deliveries_state_check CHECK (state IN ({STATES}, 'gathering', 'gathered', 'dropped'))"
    )
    op.execute("CREATE INDEX deliveries_gathering ON notify.deliveries (next_at) WHERE state = 'gathering'")


def downgrade() -> None:
    """What waits for a digest goes by itself."""
    op.execute("DROP INDEX notify.deliveries_gathering")
    op.execute("ALTER TABLE notify.deliveries DROP CONSTRAINT deliveries_state_check")
    op.execute("UPDATE notify.deliveries SET state = 'queued' WHERE state = 'gathering'")
    op.execute("UPDATE notify.deliveries SET state = 'accepted' WHERE state IN ('gathered', 'dropped')")
    op.execute(
        f"ALTER TABLE notify.deliveries ADD CONSTRAINT deliveries_state_check CHECK (state IN ({STATES})),"
        " DROP COLUMN gathered_in"
    )
    op.execute("ALTER TABLE notify.messages DROP COLUMN callout_id")
    op.execute("DROP TABLE notify.callouts, notify.wishes, notify.reporters")
