"""The operator's file of destinations: addresses, secrets and limits, which no pack holds."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator

from qipan.tenancy.faults import PackFault, of_validation
from qipan.tenancy.model import Model
from services.notify.by_apprise import ByApprise
from services.notify.channel import Sends
from services.notify.mail import Mail, MailSettingError
from services.notify.outlets import Outlet, Outlets
from services.notify.posting import trouble_with
from services.notify.reach import networks
from services.notify.shapes import Shape, Shaped
from services.notify.webhook import Webhook

MAIL, WEBHOOK, APPRISE = "mail", "webhook", "apprise"
LONGEST_SECONDS = 30.0


class DestinationModel(Model):
    """`[destinations.<name>]`: where messages of a channel go.

    `tenants`: whose happenings may go there (`["*"]`: everybody's). `rate`: messages a second at most. `timeout`:
    seconds for one. `allow`: networks that are not public and that it may nevertheless reach.
    """

    channel: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")]
    url: Annotated[str, Field(min_length=1)]
    secret: str = ""
    tenants: Annotated[list[str], Field(min_length=1)]
    rate: Annotated[float, Field(gt=0, le=1000)] | None = None
    timeout: Annotated[float, Field(gt=0, le=LONGEST_SECONDS)] = 10.0
    allow: list[str] = Field(default=[])

    @field_validator("allow")
    @classmethod
    def _are_networks(cls, allow: list[str]) -> list[str]:
        networks(allow)
        return allow


class OperatorFile(Model):
    """The file. `addresses`: person → channel → address, for channels that go to persons (telephone numbers)."""

    destinations: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")], DestinationModel] = Field(
        default={}
    )
    addresses: dict[str, dict[str, str]] = Field(default={})


class DestinationsError(ValueError):
    """The operator's file or QIPAN_SMTP_URL cannot be used; the text lists everything that is wrong with it."""


def outlets(file: Path | None, smtp_url: str, shapes: Mapping[str, Shape]) -> Outlets:
    """The destinations of the file, and the mail server of QIPAN_SMTP_URL as `mail`.

    `shapes`: the core's and the packs' channels by name. Raises DestinationsError, which never shows a secret.
    """
    found = [Outlet(MAIL, MAIL, Mail(smtp_url))] if smtp_url else []
    if file is None:
        return Outlets.of(found)
    read, faults = _read(file), list[PackFault]()
    for name, written in read.destinations.items():
        key = f"destinations.{name}"
        if smtp_url and name == MAIL:
            faults.append(PackFault(file.name, key, "QIPAN_SMTP_URL is this destination already"))
            continue
        made = _sends(written, shapes)
        if isinstance(made, str):
            faults.append(PackFault(file.name, key, made))
            continue
        shape = shapes.get(written.channel)
        personal = written.channel == MAIL or (shape is not None and shape.personal)
        found.append(Outlet(name, written.channel, made, personal, written.rate, frozenset(written.tenants)))
    if faults:
        raise _error(faults)
    return Outlets.of(found, read.addresses)


def _sends(written: DestinationModel, shapes: Mapping[str, Shape]) -> Sends | str:
    """The channel, or what is wrong with it."""
    if written.channel == MAIL:
        try:
            return Mail(written.url)
        except MailSettingError:
            return "its url looks like mailto://host:port or mailtos://user:password@host"
    if written.channel == APPRISE:
        try:
            return ByApprise(written.url, written.timeout)
        except ValueError as error:
            return str(error)
    allowed = networks(written.allow)
    wrong = trouble_with(written.url, allowed)
    if wrong is not None:
        return f"its url cannot be used: {wrong}"
    if written.channel == WEBHOOK:
        if len(written.secret) < 16:
            return "a webhook needs a secret of 16 characters or more"
        return Webhook(written.url, written.secret, allowed, written.timeout)
    shape = shapes.get(written.channel)
    if shape is None:
        known = ", ".join(sorted((MAIL, WEBHOOK, APPRISE, *shapes)))
        return f"there is no channel {written.channel!r}; there are {known}"
    return Shaped(shape, written.url, written.secret, allowed, written.timeout)


def _read(file: Path) -> OperatorFile:
    try:
        return OperatorFile.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise _error([PackFault(file.name, "", f"it cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise _error([PackFault(file.name, "", "it is not UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        raise _error([PackFault(file.name, "", f"it is not TOML: {error}")]) from None
    except ValidationError as error:
        raise _error(of_validation(error, lambda key: (file.name, ".".join(key)))) from None


def _error(faults: list[PackFault]) -> DestinationsError:
    lines = "\n".join(f"  {fault}" for fault in sorted(faults))
    return DestinationsError(f"QIPAN_DESTINATIONS cannot be used:\n{lines}")
