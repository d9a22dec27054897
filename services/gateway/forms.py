"""What the gateway's own addresses take and answer; everything else is a contract's."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Login = Annotated[str, Field(min_length=1, max_length=128)]
Password = Annotated[str, Field(min_length=1, max_length=256)]
NewPassword = Annotated[str, Field(min_length=12, max_length=256)]


class Form(BaseModel):
    """Strict, and without fields that nobody reads."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class SignIn(Form):
    """An account and its password."""

    account: Login
    password: Password


class ChangePassword(Form):
    """The password so far, and the one from now on: twelve characters or more (NIST SP 800-63B, 3.1.1)."""

    password: Password
    new_password: NewPassword


class Me(BaseModel):
    """Who the token's bearer is. `expires` is real time in seconds since 1970."""

    account: str
    name: str
    tenant: str
    tenant_name: dict[str, str]
    roles: tuple[str, ...]
    units: tuple[str, ...]
    cells: tuple[str, ...]
    expires: int


class Session(BaseModel):
    """The token to send as `Authorization: Bearer …`, and who one is now."""

    token: str
    me: Me
