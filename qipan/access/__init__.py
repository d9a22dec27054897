"""Who may do what, where: signed principals, one table of rights, and the grant a handler checks against."""

from qipan.access.api_keys import api_key_digest, new_api_key, tenant_of_api_key
from qipan.access.grant import Grant, Reach
from qipan.access.passwords import first_password
from qipan.access.policy import Rule, Scope, allow, rule_for
from qipan.access.principal import Principal, Role
from qipan.access.rights import authorise
from qipan.access.tokens import Signer, Verifier, new_keys

__all__ = [
    "Grant",
    "Principal",
    "Reach",
    "Role",
    "Rule",
    "Scope",
    "Signer",
    "Verifier",
    "allow",
    "api_key_digest",
    "authorise",
    "first_password",
    "new_api_key",
    "new_keys",
    "rule_for",
    "tenant_of_api_key",
]
