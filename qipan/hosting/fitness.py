"""Whether a process may start: all its settings are there and well-formed, and its tables are this version's."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from qipan.access import Signer, Verifier
from qipan.contracts.subscriptions import CORE_SERVICES
from qipan.hosting.prepare import SERVICES
from qipan.messaging.nodes import is_address
from qipan.settings import Settings
from qipan.storage import revisions
from qipan.storage.database import make_engine
from qipan.tenancy import Clocks

SCHEMA_OF = {
    "door": "intake",
    "gateway": "gateway",
    "steward": "steward",
    **{name: name for name in CORE_SERVICES},
}
"""Process → the schema that it works on; what a tenant adds has none."""


class Unfit(ValueError):
    """A process cannot start; the text lists everything that is missing or wrong."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        many = "1 setting is" if len(faults) == 1 else f"{len(faults)} settings are"
        super().__init__(f"{many} missing or wrong:\n" + "\n".join(f"  {fault}" for fault in faults))


def settings_from_environment() -> Settings:
    """The settings; Unfit lists each that cannot be read."""
    try:
        return Settings()
    except ValidationError as error:
        raise Unfit(
            [
                f"QIPAN_{'_'.join(map(str, each['loc'][:1])).upper()}: {each['msg']}"
                for each in error.errors(include_url=False, include_input=False)
            ]
        ) from None


def check_settings(service: str, settings: Settings) -> None:
    """Unfit lists everything that this service needs and `settings` lack, or have in a form that nobody can read."""
    faults = list(_faults(service, settings))
    if faults:
        raise Unfit(faults)


def check_schema(service: str, settings: Settings, services: Path = SERVICES) -> None:
    """WrongSchema when the tables are older or newer than this code; nothing while the database is away."""
    schema = SCHEMA_OF.get(service)
    if schema is None or not settings.database_url:
        return
    try:
        revisions.check(settings.database_url, schema, services / schema / "migrations" / "versions")
    except DBAPIError:
        return  # the process waits for it, and says so in /readyz


def _faults(service: str, settings: Settings) -> Iterator[str]:
    if service != "door" and not is_address(settings.amqp_url, "amqp", "amqps", several=True):
        yield "QIPAN_AMQP_URL must look like amqp://user:password@host:port/vhost"
    if service in SCHEMA_OF and (said := _said(lambda: _database(settings.database_url))):
        yield said
    yield from filter(
        None,
        [
            _said(lambda: Verifier(settings.verify_key)),
            _said(lambda: Clocks.from_json(settings.clocks), "QIPAN_CLOCKS: "),
        ],
    )
    if service in ("door", "intake"):
        if not settings.door_secret:
            yield "QIPAN_DOOR_SECRET is missing: reporters' tracking tokens are derived from it"
        if not settings.contact_keys:
            yield "QIPAN_CONTACT_KEYS is missing: reporters' names and numbers are encrypted with them"
    if service == "gateway":
        if said := _said(lambda: Signer(settings.signing_key)):
            yield said
        if not settings.account_secret:
            yield "QIPAN_ACCOUNT_SECRET is missing: accounts' first passwords are derived from it"
        if not is_address(settings.door_url, "http", "https"):
            yield "QIPAN_DOOR_URL must look like http://host:port"
    if not (settings.district / "district.toml").exists():
        yield f"QIPAN_DISTRICT: there is no district.toml in {os.fspath(settings.district)}"


def _database(url: str) -> None:
    engine = make_engine(url, pool_size=1)
    try:
        if engine.url.host is None or not engine.url.username:
            raise ValueError(
                "QIPAN_DATABASE_URL must look like postgresql://role:password@host:port/database"
            )
    finally:
        engine.dispose()


def _said(attempt: Callable[[], object], where: str = "") -> str | None:
    try:
        attempt()
    except ValueError as error:
        return f"{where}{error}"
    return None
