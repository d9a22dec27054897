"""Contacts sealed instead of plain, the log of those who had one unmasked, photos, comments,
and what a case tells of whom it is with and when."""

from typing import Any

from alembic import op
from sqlalchemy import Connection, text

from services.intake.contacts import Contacts
from services.intake.digest import keyed_digest
from services.intake.forms import Contact
from services.intake.sealing import Keyring

revision = "0002_citizen"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "intake"
BATCH = 1000

_NEXT = text(f"""
    SELECT tenant, report_id, digest, contact_name, contact_phone FROM {SCHEMA}.reports
    WHERE (contact_name IS NOT NULL OR contact_phone IS NOT NULL) AND (tenant, report_id) > (:tenant, :report_id)
    ORDER BY tenant, report_id LIMIT {BATCH}
""")
_SEAL = text(f"""
    UPDATE {SCHEMA}.reports SET contact = :contact, digest = :digest, contact_name = NULL, contact_phone = NULL
    WHERE tenant = :tenant AND report_id = :report_id
""")


def upgrade() -> None:
    """Seal what is plain, take the plain columns away, and begin the log."""
    op.execute("SET LOCAL statement_timeout = 0")  # a large table takes its time
    op.execute(f"ALTER TABLE {SCHEMA}.reports ADD COLUMN contact bytea")
    secrets = op.get_context().opts.get("secrets", {})
    sealed = _seal_all(op.get_bind(), secrets)
    op.execute(f"ALTER TABLE {SCHEMA}.reports DROP COLUMN contact_name, DROP COLUMN contact_phone")
    if sealed:
        # The old versions of the rows, and the values of the columns taken away, stay in the table's file until
        # it is written anew, and a change of type by an expression writes it anew, within this transaction.
        op.execute(f"ALTER TABLE {SCHEMA}.reports ALTER COLUMN contact TYPE bytea USING contact || ''::bytea")
    op.execute(f"""
        CREATE TABLE {SCHEMA}.unmaskings (
            tenant text NOT NULL,
            command_id text NOT NULL,
            report_id text NOT NULL,
            who text NOT NULL,
            purpose text NOT NULL,
            at timestamptz NOT NULL,
            real_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant, command_id)
        )
    """)
    op.execute(f"CREATE INDEX unmaskings_report ON {SCHEMA}.unmaskings (tenant, report_id)")
    op.execute(
        f"ALTER TABLE {SCHEMA}.reports ADD COLUMN unit text, ADD COLUMN department text,"
        " ADD COLUMN stage_times jsonb"
    )
    op.execute(f"""
        CREATE TABLE {SCHEMA}.photos (
            tenant text NOT NULL,
            report_id text NOT NULL,
            photo_id text NOT NULL,
            media_type text NOT NULL,
            bytes integer NOT NULL,
            width integer NOT NULL,
            height integer NOT NULL,
            at timestamptz NOT NULL,
            real_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant, report_id, photo_id)
        )
    """)
    op.execute(f"""
        CREATE TABLE {SCHEMA}.comments (
            tenant text NOT NULL,
            report_id text NOT NULL,
            comment_id text NOT NULL,
            text text NOT NULL,
            at timestamptz NOT NULL,
            real_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (tenant, report_id, comment_id)
        )
    """)
    op.execute(f"CREATE INDEX photos_file ON {SCHEMA}.photos (tenant, photo_id)")
    op.execute(f"""
        CREATE FUNCTION {SCHEMA}.only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '%.% is only ever added to', TG_TABLE_SCHEMA, TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$
    """)
    op.execute(f"""
        CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.unmaskings
        FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.only_added_to()
    """)


def downgrade() -> None:
    """Drop the log and, with the sealed contacts, every name and number: nothing brings them back in plain."""
    op.execute(f"DROP TABLE {SCHEMA}.comments")
    op.execute(f"DROP TABLE {SCHEMA}.photos")
    op.execute(f"DROP TABLE {SCHEMA}.unmaskings")
    op.execute(f"DROP FUNCTION {SCHEMA}.only_added_to")
    op.execute(f"""
        ALTER TABLE {SCHEMA}.reports DROP COLUMN contact, DROP COLUMN unit, DROP COLUMN department,
            DROP COLUMN stage_times,
            ADD COLUMN contact_name text, ADD COLUMN contact_phone text
    """)


def _seal_all(conn: Connection, secrets: dict[str, str]) -> int:
    """Seal every plain contact; how many there were. ValueError when there are some and no key."""
    done = 0
    contacts: Contacts | None = None
    after = {"tenant": "", "report_id": ""}
    while rows := conn.execute(_NEXT, after).all():
        if contacts is None:
            contacts = _contacts(secrets)
        conn.execute(_SEAL, [_sealed(contacts, row, secrets["QIPAN_DOOR_SECRET"]) for row in rows])
        done += len(rows)
        after = {"tenant": rows[-1].tenant, "report_id": rows[-1].report_id}
    return done


def _contacts(secrets: dict[str, str]) -> Contacts:
    keys = Keyring.parse(secrets.get("QIPAN_CONTACT_KEYS", ""))
    if not keys.newest or not secrets.get("QIPAN_DOOR_SECRET"):
        raise ValueError(
            "there are reporters' names or numbers in plain, and without QIPAN_CONTACT_KEYS and "
            "QIPAN_DOOR_SECRET they cannot be encrypted; run `qipan db migrate` where QIPAN_VAR holds the secret"
        )
    return Contacts(keys)


def _sealed(contacts: Contacts, row: Any, door_secret: str) -> dict[str, Any]:
    # What was stored came through the form, though perhaps through an older one: it is not checked again.
    contact = Contact.model_construct(name=row.contact_name, phone=row.contact_phone)
    return {
        "tenant": row.tenant,
        "report_id": row.report_id,
        "contact": contacts.seal(contact, row.tenant, row.report_id),
        "digest": None if row.digest is None else keyed_digest(row.digest, door_secret),
    }
