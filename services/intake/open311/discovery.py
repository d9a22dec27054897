"""Discovery: which endpoint there is, in which formats, and whom to ask (Open311's Service Discovery)."""

from datetime import UTC, datetime
from pathlib import Path

from qipan.tenancy import District
from services.intake.open311.rendering import MEDIA_TYPES, Document

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
PREFIX = "/open311/v2"

_CONTACT = "Ask the district's operations desk. 请联系本区运行值守人员。"
_KEY_SERVICE = "Ask the district's operators, who issue API keys. 请向本区运维人员申请 api_key。"


def changeset_of(root: Path) -> str:
    """When the pack was last changed: the newest of its files (UTC, sortable)."""
    newest = max((file.stat().st_mtime for file in root.rglob("*.toml")), default=0.0)
    return f"{datetime.fromtimestamp(newest, UTC):%Y-%m-%d %H:%M}"


def discovery(district: District, base_url: str, changeset: str) -> Document:
    """The document; `base_url` is where this request reached us, unless the pack names the public address."""

    def said(key: str, default: str) -> str:
        return district.setting(district.id, f"open311.{key}", default)

    endpoint = {
        "specification": SPECIFICATION,
        "url": said("url", base_url.rstrip("/") + PREFIX),
        "changeset": changeset,
        "type": said("stage", "production"),
        "formats": list(MEDIA_TYPES.values()),
    }
    return Document(
        "discovery",
        {
            "changeset": changeset,
            "contact": said("contact", _CONTACT),
            "key_service": said("key-service", _KEY_SERVICE),
            "endpoints": [endpoint],
        },
    )
