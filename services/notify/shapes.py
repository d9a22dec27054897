"""Channels as data: how a gateway or a group robot wants to be spoken to over HTTP, and how it says yes."""

import base64
import hashlib
import hmac
import json
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import Field, field_validator

from qipan.tenancy.model import Model, WordsModel
from services.notify.channel import NotAccepted, Outgoing
from services.notify.posting import SECONDS, Answered, post
from services.notify.reach import Network

CORE = Path(__file__).parent / "channels.toml"
VARIABLES = ("key", "title", "body", "address", "event", "case_id", "report_id", "tenant", "stamp", "sign")
"""What the body of a shape may name. `stamp`: Unix seconds; `sign`: by the way the shape signs."""

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


class Shape(Model):
    """A channel of one's own, `[channels.<name>]`.

    `body`: Jinja2 that makes the JSON that is posted. `personal`: it goes to a person's address, not to a group.
    `sign`: how the destination's secret is used. `answer`: the field of the JSON answer that says whether it was
    taken, and `ok` its values that mean so; without it the status decides.
    """

    name: WordsModel
    body: str = Field(min_length=1, max_length=4000)
    personal: bool = False
    sign: Literal["none", "bearer", "dingtalk", "feishu"] = "none"
    answer: str | None = Field(default=None, max_length=60)
    ok: list[str] = Field(default=[])

    @field_validator("body")
    @classmethod
    def _fills(cls, body: str) -> str:
        """ValueError when it does not parse, names what there is not, or makes no JSON."""
        try:
            unknown = meta.find_undeclared_variables(_ENVIRONMENT.parse(body)) - set(VARIABLES)
            if unknown:
                raise ValueError(f"it names unknown variables: {', '.join(sorted(unknown))}")
            json.loads(_ENVIRONMENT.from_string(body).render(dict.fromkeys(VARIABLES, '"1"\n')))
        except TemplateError as error:
            raise ValueError(f"it cannot be filled in: {error}") from None
        except json.JSONDecodeError:
            raise ValueError("it makes no JSON: give every variable to the filter tojson") from None
        return body


@cache
def core_shapes() -> Mapping[str, Shape]:
    """The core's own: group robots and a plain gateway for text messages."""
    raw = tomllib.loads(CORE.read_text(encoding="utf-8"))
    return {name: Shape.model_validate(one) for name, one in raw["channels"].items()}


class Shaped:
    """A channel that speaks in a shape."""

    def __init__(
        self,
        shape: Shape,
        url: str,
        secret: str = "",
        allowed: tuple[Network, ...] = (),
        seconds: float = SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._shape = shape
        self._url = url
        self._secret = secret
        self._allowed = allowed
        self._seconds = seconds
        self._now = now
        self._body = _ENVIRONMENT.from_string(shape.body)

    def send(self, address: str, message: Outgoing) -> bool:
        """Post it in the shape."""
        stamp = int(self._now().timestamp())
        url, sign = self._url, ""
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.key}
        if self._secret and self._shape.sign == "bearer":
            headers["Authorization"] = f"Bearer {self._secret}"
        elif self._secret and self._shape.sign == "dingtalk":
            joint = "&" if "?" in url else "?"
            url += f"{joint}timestamp={stamp * 1000}&sign={quote(dingtalk_sign(self._secret, stamp * 1000), safe='')}"
        elif self._secret and self._shape.sign == "feishu":
            sign = feishu_sign(self._secret, stamp)
        content = self._body.render(
            key=message.key,
            title=message.title,
            body=message.body,
            address=address,
            event=message.event,
            case_id=message.case_id or "",
            report_id=message.report_id or "",
            tenant=message.tenant,
            stamp=str(stamp),
            sign=sign,
        )
        # A signed address or a bearer's token is for the one it was meant for: no redirects.
        answer = post(url, headers, content.encode(), self._allowed, seconds=self._seconds, redirects=0)
        self._look(answer)
        return False

    def _look(self, answer: Answered) -> None:
        """NotAccepted when an answer of 200 says no, as group robots do."""
        if self._shape.answer is None:
            return
        try:
            said: Any = json.loads(answer.body)
        except ValueError:
            raise NotAccepted("it answered something else than JSON") from None
        value = said.get(self._shape.answer) if isinstance(said, dict) else None
        if json.dumps(value) not in self._shape.ok and value not in self._shape.ok:
            raise NotAccepted(f"it answered {self._shape.answer} {str(value)[:40]}")


def dingtalk_sign(secret: str, milliseconds: int) -> str:
    """What a DingTalk robot with a secret wants in its address, before it is quoted."""
    digest = hmac.new(secret.encode(), f"{milliseconds}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def feishu_sign(secret: str, seconds: int) -> str:
    """What a Feishu robot with a secret wants in its body: the empty text, signed by time stamp and secret."""
    return base64.b64encode(hmac.new(f"{seconds}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()
