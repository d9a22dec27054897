"""What intake knows of a report's life, for `qipan case why`."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row

from qipan.contracts.queries import Happening
from services.intake import store
from services.intake.additions import comments_of, photos_of
from services.intake.devices.rows import of_report
from services.intake.unmask import unmaskings_of
from services.intake.verification_rows import find


def story_of(conn: Connection, tenant: str, subject: str) -> tuple[Happening, ...]:
    """What happened to the report with this id, oldest first; nothing when there is no such report."""
    row = store.report(conn, tenant, subject)
    return () if row is None else tuple(_happenings(conn, row))


def _happenings(conn: Connection, row: Row[Any]) -> Iterator[Happening]:
    yield Happening(
        at=row.received_at,
        real_at=row.received_real_at,
        service="intake",
        what="received",
        who=row.client,
        traceparent=row.traceparent,
        detail=_texts(
            channel=row.channel,
            matter=row.matter_given,
            place=(row.located or {}).get("name"),
            component=row.component,
            level=row.level,
            call=row.call_id,
        ),
    )
    for one in store.decisions_of(conn, row.tenant, row.report_id)[:-1]:
        yield Happening(
            at=one.at,
            real_at=one.real_at,
            service="intake",
            what="triaged",
            who=one.who,
            traceparent=row.traceparent,
            detail=_texts(
                status=one.status, reason=one.reason, matter=one.matter, merged_into=one.merged_into
            ),
        )
    if row.triaged_at is not None:
        yield Happening(
            at=row.triaged_at,
            real_at=row.triaged_real_at,
            service="intake",
            what="triaged",
            who=row.decided_by,
            traceparent=row.traceparent,
            detail=_texts(
                reason=row.reason,
                matter=row.matter,
                merged_into=row.merged_into,
                responsible=(row.responsible or {}).get("id"),
                **_alike(row),
                **_suggested(row.suggestion),
                **(row.cells or {}),
            ),
        )
    rated = store.rating(conn, row.tenant, row.report_id)
    if rated is not None:
        yield Happening(
            at=rated.rated_at,
            real_at=rated.rated_real_at,
            service="intake",
            what="rated",
            who="reporter",
            detail={"rating": str(rated.rating)},
        )
    yield from _verified(find(conn, row.tenant, row.report_id))
    for series in of_report(conn, row.tenant, row.report_id):
        if series.times > 1:
            yield Happening(
                at=series.last_at,
                real_at=series.last_real_at,
                service="intake",
                what="alarm repeated",
                who=f"device:{series.source}",
                detail={"times": str(series.times)},
            )
        if series.cleared_at is not None:
            yield Happening(
                at=series.cleared_at,
                real_at=series.cleared_real_at,
                service="intake",
                what="alarm cleared",
                who=f"device:{series.source}",
            )
    for photo in photos_of(conn, row.tenant, row.report_id):
        yield Happening(
            at=photo.at,
            real_at=photo.real_at,
            service="intake",
            what="photo added",
            who="reporter",
            detail={"photo": photo.photo_id},
        )
    for one in comments_of(conn, row.tenant, row.report_id):
        yield Happening(
            at=one.at,
            real_at=one.real_at,
            service="intake",
            what="commented",
            who="reporter",
            detail={"text": one.text},
        )
    for entry in unmaskings_of(conn, row.tenant, row.report_id):
        yield Happening(
            at=entry.at,
            real_at=entry.real_at,
            service="intake",
            what="contact unmasked",
            who=entry.who,
            detail={"purpose": entry.purpose},
        )


def _verified(row: Row[Any] | None) -> Iterator[Happening]:
    if row is None:
        return
    yield Happening(
        at=row.asked_at,
        real_at=row.asked_real_at,
        service="intake",
        what="verification asked",
        who=row.asked_by,
        detail={"cell": row.cell, "due_at": row.due_at.isoformat(), "reason": row.reason},
    )
    if row.answered_at is not None:
        yield Happening(
            at=row.answered_at,
            real_at=row.answered_real_at,
            service="intake",
            what="verified",
            who=row.answered_by,
            detail=_texts(
                finding=row.finding, matter=row.matter, note=row.note, evidence=", ".join(row.evidence or ())
            ),
        )
    elif row.lapsed_at is not None:
        real_at = row.answered_real_at
        yield Happening(at=row.lapsed_at, real_at=real_at, service="intake", what="verification overdue")


def _alike(row: Row[Any]) -> dict[str, str | None]:
    """Why it was joined to another, or taken to be maybe the same as some."""
    if not row.duplicates:
        return {}
    named = (f"{one['report_id']} ({one['likeness']:.2f}): {one['reasons']['zh']}" for one in row.duplicates)
    return {"alike": "; ".join(named)}


def _suggested(suggestion: dict[str, Any] | None) -> dict[str, str | None]:
    if suggestion is None:
        return {}
    return {
        "suggested": f"{suggestion['matter']} ({suggestion['confidence']:.2f})",
        "suggested_by": suggestion["by"],
        "model": suggestion["version"],
    }


def _texts(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
