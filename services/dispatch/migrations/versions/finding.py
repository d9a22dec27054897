"""What cases are searched by: time of filing, department, place, words."""

import sqlalchemy as sa
from alembic import op

from qipan.contracts.case import CaseState
from services.dispatch.words import entries

revision = "finding"
down_revision = "shifts"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"
AT_ONCE = 2000


def upgrade() -> None:
    """Add the columns and the table, and fill them from the cases that are there."""
    op.execute(f"ALTER TABLE {SCHEMA}.cases ADD COLUMN filed_at timestamptz, ADD COLUMN department text")
    op.execute(
        f"UPDATE {SCHEMA}.cases SET filed_at = (state ->> 'filed_at')::timestamptz,"
        " department = state ->> 'department'"
    )
    op.execute(f"""
        CREATE TABLE {SCHEMA}.findable (
            tenant text NOT NULL, id text NOT NULL, lon double precision NOT NULL,
            lat double precision NOT NULL, words tsvector NOT NULL, PRIMARY KEY (tenant, id)
        )
    """)
    _fill(op.get_bind())
    op.execute(f"""
        CREATE INDEX findable_words ON {SCHEMA}.findable USING gin (words) WITH (gin_pending_list_limit = 512)
    """)
    _index("filed", "tenant, filed_at, id")
    _index("filed_of_unit", "tenant, unit, filed_at, id", "stage IN ('closed', 'voided')")
    _index("filed_of_worker", "tenant, worker, filed_at, id", "stage IN ('closed', 'voided')")
    _index("filed_of_department", "tenant, department, filed_at, id", "stage IN ('closed', 'voided')")
    _index("filed_abroad", "unit_tenant, filed_at, id", "unit_tenant <> tenant")
    _index("voided", "tenant, filed_at, id", "stage = 'voided'")


def downgrade() -> None:
    """Take them away again."""
    op.execute(f"DROP TABLE {SCHEMA}.findable")
    op.execute(f"ALTER TABLE {SCHEMA}.cases DROP COLUMN filed_at, DROP COLUMN department")
    op.execute(f"DROP INDEX IF EXISTS {SCHEMA}.cases_voided")


def _index(name: str, columns: str, where: str | None = None) -> None:
    op.execute(
        f"CREATE INDEX cases_{name} ON {SCHEMA}.cases ({columns})" + (f" WHERE {where}" if where else "")
    )


def _fill(conn: sa.Connection) -> None:
    """The words are cut here, where cases are filed as well: one reading of a text, not two."""
    last = ("", "")
    while True:
        rows = conn.execute(
            sa.text(
                f"SELECT tenant, id, state FROM {SCHEMA}.cases WHERE (tenant, id) > (:tenant, :id)"
                " ORDER BY tenant, id LIMIT :most"
            ),
            {"tenant": last[0], "id": last[1], "most": AT_ONCE},
        ).all()
        if not rows:
            return
        filled = []
        for tenant, id, state in rows:
            case = CaseState.model_validate(state)
            place = case.place
            words = "\n".join(entries(case))
            filled.append({"tenant": tenant, "id": id, "lon": place.lon, "lat": place.lat, "words": words})
        conn.execute(
            sa.text(
                f"INSERT INTO {SCHEMA}.findable VALUES"
                " (:tenant, :id, :lon, :lat, array_to_tsvector(string_to_array(:words, E'\\n')))"
            ),
            filled,
        )
        last = (rows[-1][0], rows[-1][1])
