"""Rows as callers see them."""

from collections.abc import Mapping
from typing import Any

from qipan.contracts.queries import Happening, InAppMessage
from services.notify.rules import Channel


def in_app(row: Mapping[str, Any]) -> InAppMessage:
    """A message as its reader sees it."""
    return InAppMessage(
        message_id=row["message_id"],
        case_id=row["case_id"],
        report_id=row["report_id"],
        title=row["title"],
        body=row["body"],
        at=row["at"],
        read=row["read_at"] is not None,
        callout_id=row["callout_id"],
    )


def happening(row: Mapping[str, Any]) -> Happening:
    """A message or delivery as one event of a case's timeline: by which channel, and what became of it."""
    detail = {"channel": row["channel"], "title": row["title"]}
    if row["channel"] == Channel.IN_APP:
        detail["state"] = "unread" if row["read_at"] is None else "read"
    else:
        detail |= {"state": row["state"], "attempts": str(row["attempts"]), "key": row["key"]}
        if row["error"]:
            detail["error"] = row["error"]
    return Happening(
        at=row["at"],
        real_at=row["created_at"],
        service="notify",
        what=row["event"],
        who=row["recipient"],
        version=row["version"],
        message_id=row["message_id"],
        traceparent=row["traceparent"],
        detail=detail,
    )
