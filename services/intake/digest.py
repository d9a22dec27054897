"""Idempotency: one key of one client for one tenant is one report, whatever was asked in its name."""

from hashlib import blake2b, sha256

from pydantic import BaseModel

from qipan.ids import derived_id


def canonical_digest(form: BaseModel, model: type[BaseModel]) -> str:
    """The SHA-256 of what `form` means as a `model`, in hex.

    It is taken from the validated values, in the model's order and without what is absent: blanks, the order
    of fields, `120` for `120.0` and spelled-out defaults make no difference, and a field added to the model
    later leaves the digests of old requests as they are.
    """
    return sha256(model.__pydantic_serializer__.to_json(form, exclude_defaults=True)).hexdigest()


def keyed_report_id(client: str, tenant: str, key: str) -> str:
    """The report that this key stands for; deriving it makes the reports' own primary key the guard."""
    return derived_id("report", client, tenant, key)


def keyed_digest(digest: str, secret: str) -> str:
    """A digest that tells nothing without the door's secret.

    The digest of a request with a phone number in it would give the number away to whoever tries all of them.
    """
    key = blake2b(secret.encode(), person=b"qipan digest").digest()
    return blake2b(digest.encode(), key=key, digest_size=32).hexdigest()
