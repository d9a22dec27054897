"""Reports that were accepted and went nowhere: what a broker's confirmed loss, or a bug, would leave behind."""

from sqlalchemy import text

from qipan.observability import metrics
from qipan.storage import Database
from services.intake.public_status import ReportStatus
from services.intake.tables import SCHEMA

# By real time: the messages' way takes that, whatever the tenants' clocks show.
_UNSEEN = text(f"""
    SELECT tenant, count(*) FROM {SCHEMA}.reports
    WHERE received_real_at BETWEEN now() - interval '1 day' AND now() - interval '5 minutes'
        AND (status = :received OR (status = :filed AND case_id IS NULL)) AND tenant NOT LIKE '%~%'
    GROUP BY tenant
""")


def count(db: Database) -> None:
    """Tell how many there are in each tenant. The index on the time of arrival keeps this to a day's rows."""
    with db.begin() as work:
        rows = work.conn.execute(_UNSEEN, {"received": ReportStatus.RECEIVED, "filed": ReportStatus.FILED})
        metrics.UNSEEN.tell({(row[0],): float(row[1]) for row in rows})
