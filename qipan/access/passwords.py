"""First passwords: derived from a secret, so that nobody has to store or hand out a list of them."""

import base64
import hashlib
import hmac


def first_password(secret: str, login: str) -> str:
    """The password of an account until its owner changes it: 26 letters and digits (130 bits).

    `secret` is `QIPAN_ACCOUNT_SECRET`; ValueError when it is empty, for then anybody could derive passwords.
    """
    if not secret:
        raise ValueError("QIPAN_ACCOUNT_SECRET must not be empty")
    digest = hmac.new(secret.encode(), b"first password of " + login.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode()[:26].lower()
