"""How long reporters' names and numbers are kept once their report is over."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from sqlalchemy import text

from qipan.contracts.case import Stage
from qipan.storage import Work
from qipan.tenancy import District
from services.intake.public_status import ReportStatus

SETTING = "privacy.contact-days"
AT_ONCE = 500
OVER: Collection[str] = (
    ReportStatus.DECLINED,
    ReportStatus.SELF_DISPOSED,
    Stage.CLOSED,
    Stage.VOIDED,
)
"""A report in one of these states waits for nothing any more; one that was joined to another, when that is over."""

_OVER = """
    r.received_at < :before AND r.changed_at < :before AND (r.status = ANY(:over) OR r.status = :merged AND EXISTS (
        SELECT FROM intake.reports AS o WHERE o.tenant = r.tenant AND o.report_id = r.merged_into
            AND o.changed_at < :before AND o.status = ANY(:over)))
"""
_FORGET_CONTACTS = text(
    f"""
    UPDATE intake.reports SET contact = NULL WHERE (tenant, report_id) IN (
        SELECT r.tenant, r.report_id FROM intake.reports AS r
        WHERE r.tenant = :tenant AND r.contact IS NOT NULL AND {_OVER}
        ORDER BY r.received_at LIMIT :most FOR UPDATE SKIP LOCKED
    )
    """
)
# Where they wanted to be told. Whoever asks for the address then finds none, as when its owner had ended it.
_FORGET_ADDRESSES = text(
    f"""
    UPDATE intake.updates SET contact = NULL WHERE (tenant, report_id) IN (
        SELECT u.tenant, u.report_id FROM intake.updates AS u JOIN intake.reports AS r USING (tenant, report_id)
        WHERE u.tenant = :tenant AND u.contact IS NOT NULL AND u.changed_at < :before AND {_OVER}
        LIMIT :most FOR UPDATE OF u SKIP LOCKED
    )
    """
)


def days_kept(district: District, tenants: Collection[str]) -> dict[str, int]:
    """Tenant → days of its time, of those whose packs say `privacy.contact-days`; the others keep them for ever."""
    said = {tenant: district.setting(tenant, SETTING, 0) for tenant in tenants}
    return {tenant: days for tenant, days in said.items() if days > 0}


def forget_contacts(work: Work, days: Mapping[str, int]) -> int:
    """Take the contact and the address for updates from up to `AT_ONCE` each of each tenant's reports that were over
    so long ago; how many."""
    forgotten = 0
    for tenant, kept in sorted(days.items()):
        which = {
            "tenant": tenant,
            "before": work.now(tenant) - timedelta(days=kept),
            "over": [str(status) for status in OVER],
            "merged": ReportStatus.MERGED,
            "most": AT_ONCE,
        }
        for statement in (_FORGET_CONTACTS, _FORGET_ADDRESSES):
            forgotten += work.conn.execute(statement, which).rowcount
    return forgotten
