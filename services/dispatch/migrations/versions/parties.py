"""Who takes part in a case of another tenant: by whom the wall between tenants is passable, for that case."""

import sqlalchemy as sa
from alembic import op

revision = "parties"
down_revision = "support_clock"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"

_NAMED_BY = {
    "cases": ("NEW.id", ("unit_tenant",), "ARRAY[NEW.unit_tenant]"),
    "tasks": ("NEW.case_id", ("unit_tenant",), "ARRAY[NEW.unit_tenant]"),
    "handovers": ("NEW.case_id", ("asked", "holder"), "ARRAY[split_part(NEW.asked, '/', 1), NEW.holder]"),
    "whistles": ("NEW.case_id", ("departments",), "NEW.departments"),
}
"""Table → the case of a row, the columns that name parties, the tenants that they name."""

_WHEN = {
    "cases": "NEW.unit_tenant <> NEW.tenant",
    "tasks": "NEW.unit_tenant <> NEW.tenant",
    "handovers": "true",
    "whistles": "true",
}


def upgrade() -> None:
    op.create_table(
        "parties",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("party", sa.Text, primary_key=True),
        schema=SCHEMA,
    )
    for table, (case_id, columns, named) in _NAMED_BY.items():
        op.execute(
            f"""
            CREATE FUNCTION {SCHEMA}.parties_of_{table}() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = pg_catalog AS $$
            DECLARE named text;
            BEGIN
                FOREACH named IN ARRAY {named} LOOP
                    named := split_part(named, '~', 1);
                    IF named <> split_part(NEW.tenant, '~', 1) THEN
                        INSERT INTO {SCHEMA}.parties (tenant, case_id, party)
                        VALUES (NEW.tenant, {case_id}, named) ON CONFLICT DO NOTHING;
                    END IF;
                END LOOP;
                RETURN NULL;
            END $$
            """
        )
        changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in columns)
        for event, when in (("INSERT", _WHEN[table]), ("UPDATE", f"({_WHEN[table]}) AND ({changed})")):
            op.execute(
                f"CREATE TRIGGER parties_{event.lower()} AFTER {event} ON {SCHEMA}.{table}"
                f" FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {SCHEMA}.parties_of_{table}()"
            )
    op.execute(
        f"""
        INSERT INTO {SCHEMA}.parties (tenant, case_id, party)
        SELECT DISTINCT tenant, case_id, split_part(named, '~', 1) FROM (
            SELECT tenant, id, unit_tenant FROM {SCHEMA}.cases WHERE unit_tenant <> tenant
            UNION ALL SELECT tenant, case_id, unit_tenant FROM {SCHEMA}.tasks WHERE unit_tenant <> tenant
            UNION ALL SELECT tenant, case_id, split_part(asked, '/', 1) FROM {SCHEMA}.handovers
            UNION ALL SELECT tenant, case_id, holder FROM {SCHEMA}.handovers WHERE holder IS NOT NULL
            UNION ALL SELECT tenant, case_id, unnest(departments) FROM {SCHEMA}.whistles
        ) AS known (tenant, case_id, named)
        WHERE split_part(named, '~', 1) <> split_part(tenant, '~', 1)
        """
    )


def downgrade() -> None:
    for table in _NAMED_BY:
        for event in ("insert", "update"):
            op.execute(f"DROP TRIGGER parties_{event} ON {SCHEMA}.{table}")
        op.execute(f"DROP FUNCTION {SCHEMA}.parties_of_{table}()")
    op.drop_table("parties", schema=SCHEMA)
