"""How messages look to providers, and what the operator's file may say."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.notify.channel import Outgoing
from services.notify.operator_file import DestinationsError, outlets
from services.notify.shapes import Shape, core_shapes, dingtalk_sign, feishu_sign
from services.notify.webhook import body_of, signature

MESSAGE = Outgoing(
    "k-1", 'New "task"', "Line 1\nLine 2", event="case.filed.v1", tenant="sandun", case_id="c-1"
)
GOOD = """
[destinations.police]
channel = "webhook"
url = "https://its.example/hook"
secret = "0123456789abcdef"
tenants = ["traffic-police"]
rate = 10

[destinations.group]
channel = "dingtalk"
url = "https://oapi.dingtalk.com/robot/send?access_token=x"
tenants = ["sandun"]

[destinations.text]
channel = "sms"
url = "https://sms.example/send"
secret = "token"
tenants = ["*"]

[addresses."sandun.sweep.1"]
sms = "13800000000"
"""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "destinations.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_operators_file_names_destinations_and_addresses(tmp_path: Path) -> None:
    found = outlets(written(tmp_path, GOOD), "mailto://127.0.0.1:25", core_shapes())
    assert {(o.name, o.channel, o.personal) for o in found.by_name.values()} == {
        ("mail", "mail", True),
        ("police", "webhook", False),
        ("group", "dingtalk", False),
        ("text", "sms", True),
    }
    assert found.addresses == {"sandun.sweep.1": {"sms": "13800000000"}}
    assert found.by_name["police"].rate == 10
    assert found.by_name["police"].takes("traffic-police")
    assert not found.by_name["police"].takes("sandun")
    text = found.reaching("sms", "wenxin")
    assert text is not None
    assert text.name == "text"
    assert found.reaching("webhook", "traffic-police") is None  # not for persons


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('channel = "webhook"\nurl = "https://a.example"', "16 characters"),
        ('channel = "webhook"\nurl = "http://a.example"\nsecret = "0123456789abcdef"', "https://"),
        ('channel = "webhook"\nurl = "ftp://a.example"\nsecret = "0123456789abcdef"', "https://"),
        ('channel = "webhook"\nurl = "https://u:p@a.example"\nsecret = "0123456789abcdef"', "password"),
        ('channel = "pigeon"\nurl = "https://a.example"', "no channel 'pigeon'"),
        ('channel = "sms"\nurl = "https://a.example"\nallow = ["10.0.0.1/8"]', "allow"),
        ('channel = "sms"\nurl = "https://a.example"\nhue = 1', "hue"),
        ('channel = "apprise"\nurl = "no-such://a"', "apprise does not know"),
        ('channel = "mail"\nurl = "smtp://a"', "mailto://"),
    ],
)
def test_a_wrong_destination_is_refused_without_its_secret(tmp_path: Path, wrong: str, said: str) -> None:
    file = written(tmp_path, f'[destinations.bad]\ntenants = ["*"]\n{wrong}\n')
    with pytest.raises(DestinationsError, match=said) as refused:
        outlets(file, "", core_shapes())
    assert "0123456789abcdef" not in str(refused.value)
    assert "destinations.bad" in str(refused.value)


def test_every_core_shape_makes_json_of_whatever_is_said() -> None:
    for name, shape in core_shapes().items():
        assert name in ("dingtalk", "wecom", "feishu", "sms")
        assert shape.personal == (name == "sms")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"a": {{ phone | tojson }}}', "unknown variables: phone"),
        ('{"a": "{{ title }}"}', "tojson"),
        ('{"a": {{ title', "cannot be filled in"),
        ('{"a": {{ title.__class__.__mro__ }}}', "cannot be filled in"),
    ],
)
def test_a_shape_that_would_fail_later_is_refused(body: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Shape.model_validate({"name": {"zh": "一", "en": "one"}, "body": body})


def test_a_webhooks_signature_is_what_its_page_says() -> None:
    content = body_of(MESSAGE)
    assert json.loads(content)["case_id"] == "c-1"
    expected = hmac.new(b"secret", b"1772438400.k-1." + content, hashlib.sha256).hexdigest()
    assert signature(b"secret", "k-1", "1772438400", content) == f"v1={expected}"
    assert body_of(MESSAGE) == content


def test_robots_signatures_are_what_their_makers_say() -> None:
    at = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
    ding = hmac.new(b"SEC", f"{at * 1000}\nSEC".encode(), hashlib.sha256).digest()
    assert base64.b64decode(dingtalk_sign("SEC", at * 1000)) == ding
    feishu = hmac.new(f"{at}\nSEC".encode(), b"", hashlib.sha256).digest()
    assert base64.b64decode(feishu_sign("SEC", at)) == feishu
