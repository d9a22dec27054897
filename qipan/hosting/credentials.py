"""The installation's one secret, and what each process gets of it: derived credentials, and only its own."""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from qipan.access import Principal, Role, Signer, new_keys
from qipan.hosting.port import ProcessSpec
from qipan.hosting.servers import Servers
from qipan.messaging.provision import user_url
from qipan.settings import Settings
from qipan.storage.provision import service_url, tenant_url
from qipan.tenancy.tenant import base_of

TOKEN_SECONDS = 90 * 86_400.0
"""How long a process's own token holds; it gets a new one at every start."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an installation keeps secret. `secret` reaches no process; the rest only whoever needs it."""

    secret: str
    signing_key: str
    verify_key: str
    contact_generation: int = 1

    @classmethod
    def kept_in(cls, var: Path) -> "Credentials":
        """Those of `<var>/secret`, made at first use; only their owner can read the file."""
        file = var / "secret"
        if file.exists():
            return cls(**json.loads(file.read_text()))
        signing_key, verify_key = new_keys()
        made = cls(secrets.token_urlsafe(32), signing_key, verify_key)
        var.mkdir(parents=True, exist_ok=True)
        made._write(file)
        return made

    def with_new_contact_key(self, var: Path) -> "Credentials":
        """These with one more key for contacts, written to `<var>/secret`; processes get it at their next start."""
        grown = replace(self, contact_generation=self.contact_generation + 1)
        beside = var / "secret.new"
        beside.unlink(missing_ok=True)
        grown._write(beside)
        beside.replace(var / "secret")
        return grown

    def _write(self, file: Path) -> None:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(asdict(self), out)
            out.flush()
            os.fsync(out.fileno())

    @property
    def account_secret(self) -> str:
        """From which accounts' first passwords are derived; the gateway's."""
        return self._derived("accounts")

    @property
    def door_secret(self) -> str:
        """From which reporters' tracking tokens are derived; intake's."""
        return self._derived("door")

    @property
    def contact_keys(self) -> str:
        """With which reporters' names and numbers are encrypted, newest first; intake's."""
        numbers = range(self.contact_generation, 0, -1)
        return ",".join(f"{number}:{self._derived(f'contacts/{number}')}" for number in numbers)

    def intake_secrets(self, settings: Settings) -> dict[str, str]:
        """What intake's processes, migrations and commands are given besides the database."""
        return {
            "QIPAN_DOOR_SECRET": self.door_secret,
            "QIPAN_CONTACT_KEYS": settings.contact_keys or self.contact_keys,
            **_photo_store(settings),
        }

    def token(self, sub: str, tenant: str, role: Role, seconds: float = TOKEN_SECONDS) -> str:
        """A token for a process or an operator."""
        principal = Principal(sub=sub, name=sub, tenant=tenant, roles=frozenset({role}))
        return Signer(self.signing_key).token(principal, seconds)

    def of_process(
        self, spec: ProcessSpec, servers: Servers, settings: Settings, district: str
    ) -> dict[str, str]:
        """The secrets in one process's environment."""
        found = {
            "QIPAN_VERIFY_KEY": self.verify_key,
            "QIPAN_TOKEN": self.token(spec.serves, spec.tenant or district, Role.SERVICE),
        }
        # Accepting a report never touches the broker, except in the fault harness's control that goes the bad way.
        if spec.service != "door" or settings.unguarded == "no_outbox":
            user = settings.core_user if spec.tenant is None else base_of(spec.tenant)
            found["QIPAN_AMQP_URL"] = user_url(servers.amqp_url, user, self.secret)
        if spec.schema is not None:
            found["QIPAN_DATABASE_URL"] = self.database_url(spec, servers)
        if spec.schema == "intake":
            found |= self.intake_secrets(settings)
        if spec.service == "gateway":
            found["QIPAN_SIGNING_KEY"] = self.signing_key
            found["QIPAN_ACCOUNT_SECRET"] = self.account_secret
        if spec.service == "notify" and settings.smtp_url:
            found["QIPAN_SMTP_URL"] = settings.smtp_url
        if spec.service == "notify" and settings.destinations:
            found["QIPAN_DESTINATIONS"] = str(settings.destinations.absolute())
        return found

    def database_url(self, spec: ProcessSpec, servers: Servers) -> str:
        """The database as the process may see it: the core's all of its service's rows, a tenant's its own."""
        assert spec.schema is not None
        if spec.tenant is None:
            return service_url(servers.database_url, spec.schema, self.secret)
        return tenant_url(servers.database_url, spec.schema, base_of(spec.tenant), self.secret)

    def _derived(self, purpose: str) -> str:
        return hmac.new(self.secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def _photo_store(settings: Settings) -> dict[str, str]:
    """Where photos lie, with what an object store's client reads from the environment."""
    if not settings.photos_url:
        return {}
    keys = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    return {"QIPAN_PHOTOS_URL": settings.photos_url, **keys}
