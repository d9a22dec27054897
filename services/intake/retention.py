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
    ReportStatus.MERGED,
    ReportStatus.SELF_DISPOSED,
    Stage.CLOSED,
    Stage.VOIDED,
)
"""A report in one of these states waits for nothing any more."""

_FORGET = text(
    """
    UPDATE intake.reports SET contact = NULL WHERE (tenant, report_id) IN (
        SELECT tenant, report_id FROM intake.reports
        WHERE tenant = :tenant AND contact IS NOT NULL AND received_at < :before AND changed_at < :before
            AND status = ANY(:over)
        ORDER BY received_at LIMIT :most FOR UPDATE SKIP LOCKED
    )
    """
)


def days_kept(district: District, tenants: Collection[str]) -> dict[str, int]:
    """Tenant → days of its time, of those whose packs say `privacy.contact-days`; the others keep them for ever."""
    said = {tenant: district.setting(tenant, SETTING, 0) for tenant in tenants}
    return {tenant: days for tenant, days in said.items() if days > 0}


def forget_contacts(work: Work, days: Mapping[str, int]) -> int:
    """Take the contact from up to `AT_ONCE` of each tenant's reports that were over so long ago; how many."""
    return sum(
        work.conn.execute(
            _FORGET,
            {
                "tenant": tenant,
                "before": work.now(tenant) - timedelta(days=kept),
                "over": [str(status) for status in OVER],
                "most": AT_ONCE,
            },
        ).rowcount
        for tenant, kept in sorted(days.items())
    )
