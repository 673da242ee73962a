"""What goes in and out over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

EMAIL = r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$"
Email = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=3, max_length=254, pattern=EMAIL)
]
Password = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Permission = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^(\*|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?)$")
]


class Input(BaseModel):
    """A body: unknown fields are an error."""

    model_config = ConfigDict(extra="forbid")


class LoginIn(Input):
    """Who signs in."""

    email: Email
    password: Password


class RefreshIn(Input):
    """A refresh token to spend."""

    refresh_token: Token


class ForgotIn(Input):
    """Whose password is forgotten."""

    email: Email


class ResetIn(Input):
    """The token from the mail and the new password."""

    token: Token
    password: Password


class ChangeIn(Input):
    """The current password and the new one."""

    current_password: Password
    new_password: Password


class RotateIn(Input):
    """revoke_old: do not wait for the old key's tokens to expire (it leaked)."""

    revoke_old: bool = False


class ServiceTokenIn(Input):
    """A module's credentials; the token is bound to a company when one is named."""

    client_id: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    client_secret: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    company_id: UUID | None = None


class CredentialIn(Input):
    """A person's sign-in, as the users module knows it."""

    user_id: UUID
    company_id: UUID
    email: Email
    name: Name | None = None
    password: Password | None = None
    permissions: list[Permission] = Field(default=[], max_length=500)


class UserOut(BaseModel):
    """The person behind a session."""

    id: UUID
    email: str
    name: str | None
    company_id: UUID
    permissions: list[str]


class TokensOut(BaseModel):
    """A pair of tokens; expires_in is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "Bearer"
    user: UserOut


class ServiceTokenOut(BaseModel):
    """A module's access token; expires_in in seconds."""

    access_token: str
    expires_in: int
    token_type: str = "Bearer"


class SessionOut(BaseModel):
    """One place where the person is signed in."""

    id: UUID
    user_agent: str
    address: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool


class SessionsOut(BaseModel):
    """The live sessions of the caller, newest first."""

    items: list[SessionOut]


class RotatedOut(BaseModel):
    """Ids of the keys after a rotation."""

    active: str
    next: str
    retired: str


class JwkOut(BaseModel):
    """A public key (RFC 7517)."""

    kty: str
    use: str
    alg: str
    kid: str
    n: str
    e: str


class JwksOut(BaseModel):
    """The keys that verifiers may trust."""

    keys: list[JwkOut]


class AcceptedOut(BaseModel):
    """Told whatever the outcome will be."""

    detail: str
