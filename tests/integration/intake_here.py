"""A door and a desk of intake's on a real database, with the district of Xihu's own pack."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from starlette.testclient import TestClient

from qipan.access import Principal, Role, Signer, Verifier, new_keys
from qipan.ids import new_id
from qipan.observability.health import Health
from qipan.storage import Database, migrate
from qipan.tenancy import District, TestClock, load_district
from services.intake.contacts import Contacts
from services.intake.door import Door
from services.intake.photo_files import PhotoFiles
from services.intake.photo_image import PhotoLimits
from services.intake.photo_names import PhotoNames
from services.intake.photos import Photos
from services.intake.sealing import Keyring
from services.intake.tracking import TrackingTokens
from services.intake.web import create_app

ROOT = Path(__file__).parents[2]
SANDUN = {"lon": 120.085, "lat": 30.325}
LIUXIA = {"lon": 120.062, "lat": 30.245}
CONTACT_KEYS = f"1:{'5e' * 32}"
CONTACTS = Contacts(Keyring.parse(CONTACT_KEYS))
COMMENTS_AN_HOUR = 3
PHOTOS_A_REPORT = 3
PHOTO_LIMITS = PhotoLimits(bytes=300_000, pixels=4_000_000, side=600)
NOON = datetime(2026, 3, 5, 4, tzinfo=UTC)


@cache
def xihu() -> District:
    """The district's pack, read once."""
    return load_district(ROOT / "districts/xihu")


def build_intake(url: str) -> None:
    """Intake's schema, migrated."""
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text("CREATE SCHEMA intake"))
    engine.dispose()
    migrate.migrate(url, "intake", ROOT / "services")


@dataclass
class Here:
    """A running door, its database and the means to sign."""

    http: TestClient
    database: Database
    signer: Signer
    clock: TestClock
    door: Door
    verify_key: str
    photos: Photos
    files: PhotoFiles

    def token(self, sub: str, tenant: str, *roles: Role) -> dict[str, str]:
        """The header of somebody signed in."""
        principal = Principal(sub=sub, name=sub, tenant=tenant, roles=frozenset(roles))
        return {"Authorization": f"Bearer {self.signer.token(principal, 600)}"}

    def rows(self, table: str = "reports") -> list[Any]:
        """Everything in a table of intake's."""
        with self.database.begin() as work:
            return list(work.conn.execute(text(f"SELECT * FROM intake.{table}")))

    def said(self) -> list[dict[str, Any]]:
        """The envelopes in the outbox, in the order in which they were written."""
        rows = sorted(self.rows("outbox"), key=lambda row: row.seq)
        return [json.loads(bytes(row.body)) for row in rows]


@contextmanager
def opened(url: str, outbox_limit: int = 100_000, district: District | None = None) -> Iterator[Here]:
    """A door on this database; photos lie in memory, in a place of their own."""
    files = PhotoFiles(f"memory://{new_id()}")
    signing, verifying = new_keys()
    clock = TestClock(NOON)
    database = Database(url, schema="intake", clocks=clock, outbox_limit=outbox_limit)
    door = Door(district or xihu(), database, TrackingTokens("secret"), CONTACTS, COMMENTS_AN_HOUR)
    names = PhotoNames("secret")
    photos = Photos(database, files, names, PHOTO_LIMITS, PHOTOS_A_REPORT)
    app = create_app(door, Verifier(verifying), Health(), photos, names, public_url="https://city.example")
    with TestClient(app, raise_server_exceptions=False) as http:
        yield Here(http, database, Signer(signing), clock, door, verifying, photos, files)
