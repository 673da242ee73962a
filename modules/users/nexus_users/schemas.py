"""What goes in and out over HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from nexus_users.domain.cnpj import is_valid, plain
from nexus_users.domain.permissions import PATTERN

EMAIL = r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$"
LINE = r"^[^\x00-\x1f]+$"
Email = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=3, max_length=254, pattern=EMAIL)
]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=LINE)]
Permission = Annotated[str, StringConstraints(max_length=100, pattern=PATTERN)]
Permissions = Annotated[list[Permission], Field(max_length=300)]
Ids = Annotated[list[UUID], Field(max_length=100)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


def _cnpj(text: str) -> str:
    number = plain(text)
    if not is_valid(number):
        raise ValueError("is not a valid CNPJ: 14 characters, the last two are check digits")
    return number


TaxId = Annotated[str, StringConstraints(min_length=1, max_length=30), AfterValidator(_cnpj)]


class Input(BaseModel):
    """A body: unknown fields are an error."""

    model_config = ConfigDict(extra="forbid")


class CompanyOut(BaseModel):
    """A company; tax_id is its CNPJ without punctuation."""

    id: UUID
    name: str
    tax_id: str
    currency: str
    created_at: datetime
    updated_at: datetime


class CompanyPatch(Input):
    """What may change of a company."""

    name: Line


class AdminIn(Input):
    """The first administrator of a new company, who gets an invitation."""

    email: Email
    name: Line


class CompanyIn(Input):
    """A new company."""

    name: Line
    tax_id: TaxId
    currency: Currency = "BRL"
    admin: AdminIn


class RoleRef(BaseModel):
    """A role by id and name."""

    id: UUID
    name: str


class UserOut(BaseModel):
    """A person of the company."""

    id: UUID
    email: str
    name: str
    state: Literal["active", "disabled"]
    roles: list[RoleRef]
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None


class UserDetail(UserOut):
    """A person, with what they may do by all their roles."""

    permissions: list[str]


class MeOut(UserDetail):
    """The caller and their company."""

    company: CompanyOut


class UserPatch(Input):
    """What may change of a person; the e-mail is what they sign in with."""

    name: Line | None = None
    email: Email | None = None


class UserRolesIn(Input):
    """All roles that the person shall have."""

    roles: Ids


class RoleOut(BaseModel):
    """A role: its own permissions, its parents, and the sum of all it inherits."""

    id: UUID
    name: str
    permissions: list[str]
    parents: list[UUID]
    effective: list[str]
    members: int
    built_in: bool
    created_at: datetime
    updated_at: datetime


class RoleIn(Input):
    """A new role."""

    name: Line
    permissions: Permissions = []
    parents: Ids = []


class RolePatch(Input):
    """What may change of a role; lists replace the old ones."""

    name: Line | None = None
    permissions: Permissions | None = None
    parents: Ids | None = None


class InvitationOut(BaseModel):
    """An invitation."""

    id: UUID
    email: str
    name: str | None
    state: Literal["pending", "accepted", "revoked", "expired"]
    roles: list[RoleRef]
    invited_by: UUID | None
    created_at: datetime
    expires_at: datetime
    closed_at: datetime | None


class InvitationMade(InvitationOut):
    """A new invitation. The token is told once: a repeated request gets null and can ask for a new link."""

    token: str | None


class CompanyMade(CompanyOut):
    """A new company and the invitation of its administrator."""

    invitation: InvitationMade


class InvitationIn(Input):
    """Whom to invite, with which roles."""

    email: Email
    name: Line | None = None
    roles: Ids = []


class LinkOut(BaseModel):
    """A new token for an invitation; the former one is void."""

    token: str
    expires_at: datetime


class AcceptIn(Input):
    """The token from the invitation, and how the person wants to be known."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    name: Line
    password: Annotated[str, StringConstraints(min_length=1, max_length=512)]


class AcceptedOut(BaseModel):
    """The new user, who can sign in now."""

    user_id: UUID
    company_id: UUID
    email: str
    name: str
