"""Requests and updates as GeoReport shows them: what everybody may know, and nothing of who reported."""

from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from qipan.ids import derived_id
from qipan.tenancy import District
from services.intake.open311 import w3dates
from services.intake.open311.filters import OPEN
from services.intake.open311.rendering import Document, Plain
from services.intake.open311.services import agency_of, notice_of
from services.intake.open311.status import notes_of, status_of
from services.intake.public_status import whose


class Listed(Protocol):
    """A request's row (`services.intake.open311.rows`). `status` is the report's own public status."""

    report_id: str
    status: str
    original_status: str | None
    matter: str | None
    matter_given: str | None
    description: str | None
    address: str | None
    address_id: str | None
    media_url: str | None
    requested_at: datetime
    updated_at: datetime
    expected_at: datetime | None
    lon: float
    lat: float
    responsible: dict[str, Any] | None


class Told(Protocol):
    """A step of a request."""

    report_id: str
    at: datetime
    status: str
    responsible: dict[str, Any] | None


def requests(district: District, tenant: str, rows: list[Listed], language: str) -> Document:
    """The rows as service requests."""
    zone = ZoneInfo(district.tenant(tenant).zone)
    return Document("service_requests", [_request(district, tenant, row, zone, language) for row in rows])


def updates(district: District, tenant: str, rows: list[Told], language: str) -> Document:
    """The rows as service request updates (FixMyStreet's extension)."""
    zone = ZoneInfo(district.tenant(tenant).zone)
    return Document("service_request_updates", [_update(tenant, row, zone, language) for row in rows])


def _request(district: District, tenant: str, row: Listed, zone: ZoneInfo, language: str) -> dict[str, Plain]:
    matter = district.matters_of(tenant).get(row.matter or "")
    status = status_of(row.original_status or row.status)
    # What was expected of another matter than it has turned out to be is expected no more.
    expected = row.expected_at if status == OPEN and row.matter == row.matter_given else None
    return {
        "service_request_id": row.report_id,
        "status": status,
        "status_notes": notes_of(row.status, row.original_status, language, whose(row)),
        "service_name": matter.name.in_language(language) if matter else None,
        "service_code": row.matter,
        "description": row.description,
        "agency_responsible": agency_of(district, matter).in_language(language) if matter else None,
        "service_notice": notice_of(district, matter).in_language(language) if matter else None,
        "requested_datetime": w3dates.written(row.requested_at, zone),
        "updated_datetime": w3dates.written(row.updated_at, zone),
        "expected_datetime": w3dates.written(expected, zone) if expected else None,
        "address": row.address,
        "address_id": row.address_id,
        "zipcode": None,
        "lat": row.lat,
        "long": row.lon,
        "media_url": row.media_url,
    }


def _update(tenant: str, row: Told, zone: ZoneInfo, language: str) -> dict[str, Plain]:
    return {
        "update_id": derived_id("open311-update", tenant, row.report_id, row.status, row.at.isoformat()),
        "service_request_id": row.report_id,
        "status": status_of(row.status),
        "updated_datetime": w3dates.written(row.at, zone),
        "description": notes_of(row.status, None, language, whose(row)),
        "media_url": None,
    }
