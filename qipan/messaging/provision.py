"""Telling a broker about a district: `qipan broker provision`. Safe to run again; it removes nothing."""

import base64
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from qipan.contracts.subscriptions import CORE_SERVICES
from qipan.messaging.definitions import AddedService, Plan, user_password
from qipan.messaging.nodes import each_node, is_address
from qipan.tenancy import District

REQUEST_SECONDS = 60


class ProvisionError(Exception):
    """The broker did not take the definitions; the text says why and what to do."""


class _Unreachable(ProvisionError):
    """Nobody answers there; another node may."""


def plan_of(district: District, core_user: str = "core") -> Plan:
    """Who lives on the broker, from the district's packs."""
    added = tuple(
        AddedService(spec.service, spec.tenant, tuple(spec.subscribes))
        for spec in district.services
        if spec.replaces is None and spec.service not in CORE_SERVICES
    )
    return Plan(tuple(sorted(district.tenants)), added, core_user)


def apply(management_url: str, definitions: dict[str, Any]) -> None:
    """Import the definitions through the management API at `http://user:password@host:port`.

    Of several hosts (`one:15672,two:15672`) the first that can be reached. Raises ProvisionError when none can, or
    it refuses.
    """
    if not is_address(management_url, "http", "https", several=True):
        raise ProvisionError("QIPAN_AMQP_MANAGEMENT_URL must look like http://user:password@host:15672")
    *others, last = each_node(management_url)
    for node in others:
        try:
            return _apply(node, definitions)
        except _Unreachable:
            continue
    return _apply(last, definitions)


def _apply(management_url: str, definitions: dict[str, Any]) -> None:
    parts = urlsplit(management_url)
    host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
    signature = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    request = urllib.request.Request(
        urlunsplit((parts.scheme, host, f"{parts.path.rstrip('/')}/api/definitions", "", "")),
        method="POST",
        data=json.dumps(definitions).encode(),
        headers={
            "content-type": "application/json",
            "authorization": "Basic " + base64.b64encode(signature.encode()).decode(),
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as response:
            response.read()
    except urllib.error.HTTPError as error:
        reason = error.read().decode(errors="replace")[:500]
        raise ProvisionError(f"the broker at {host} refused ({error.code}): {reason}") from error
    except OSError as error:
        raise _Unreachable(f"the broker's management API at {host} cannot be reached: {error}") from error


def write(path: Path, definitions: dict[str, Any]) -> None:
    """Write the definitions for `rabbitmqctl import_definitions PATH`; only the owner may read the file."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(definitions, indent=1, ensure_ascii=False) + "\n")


def user_url(amqp_url: str, user: str, secret: str) -> str:
    """The broker's URL for a provisioned user: the administrator's, with that user's name and password."""
    parts = urlsplit(amqp_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{user_password(user, secret)}@{host}"))


def vhost_of(amqp_url: str) -> str:
    """The virtual host that an AMQP URL names; `/` when it names none."""
    path = urlsplit(amqp_url).path
    return unquote(path[1:]) or "/"
