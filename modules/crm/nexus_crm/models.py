"""What the CRM's API takes and gives."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"),
]
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern=r"^[^\x00]+$")
]
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        to_lower=True,
        max_length=254,
        pattern=r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+$",
    ),
]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9+() .-]{3,30}$")]
StateCode = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z]{2}$")]
TaxIdText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=11, max_length=20, pattern=r"^[0-9A-Za-z ./-]+$")
]
_UNSET: Any = Field(default=None)  # may be left out, but not be null
CustomerStatus = Literal["active", "inactive", "merged"]
LeadStatus = Literal["new", "qualified", "converted", "lost"]
InteractionKind = Literal["call", "email", "meeting", "visit", "message", "note"]


class Input(BaseModel):
    """A request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class NewCustomer(Input):
    """A customer to register."""

    name: Line
    tax_id: TaxIdText = Field(description="CPF or CNPJ, with or without punctuation")
    email: Email | None = None
    phone: Phone | None = None
    city: Line | None = None
    state: StateCode | None = Field(None, description="Two letters, such as SP")


class CustomerPatch(Input):
    """The fields of a customer to change; what is left out stays."""

    name: Line = _UNSET
    tax_id: TaxIdText = _UNSET
    email: Email | None = None
    phone: Phone | None = None
    city: Line | None = None
    state: StateCode | None = None
    status: Literal["active", "inactive"] = _UNSET


class Customer(BaseModel):
    """A customer as the API shows it; the tax id is formatted."""

    id: UUID
    name: str
    tax_id: str
    tax_id_kind: Literal["cpf", "cnpj"]
    email: str | None
    phone: str | None
    city: str | None
    state: str | None
    status: CustomerStatus
    merged_into: UUID | None
    created_at: datetime


class Merge(Input):
    """The customer that is a duplicate of the one in the path."""

    duplicate_id: UUID


class NewContact(Input):
    """A person to reach at a customer."""

    name: Line
    role: Line | None = None
    email: Email | None = None
    phone: Phone | None = None


class Contact(BaseModel):
    """A person to reach at a customer."""

    id: UUID
    customer_id: UUID
    name: str
    role: str | None
    email: str | None
    phone: str | None
    created_at: datetime


class NewInteraction(Input):
    """Something that happened with a customer."""

    kind: InteractionKind
    summary: Text
    occurred_at: datetime | None = Field(None, description="When it happened; now if left out")


class Interaction(BaseModel):
    """Something that happened with a customer."""

    id: UUID
    customer_id: UUID
    kind: InteractionKind
    summary: str
    user_id: UUID | None
    occurred_at: datetime
    created_at: datetime


class NewLead(Input):
    """Someone who may become a customer."""

    name: Line
    organisation: Line | None = None
    tax_id: TaxIdText | None = None
    email: Email | None = None
    phone: Phone | None = None
    city: Line | None = None
    state: StateCode | None = None
    source: Line | None = None
    notes: Text | None = None


class LeadPatch(Input):
    """The fields of a lead to change; what is left out stays."""

    name: Line = _UNSET
    organisation: Line | None = None
    tax_id: TaxIdText | None = None
    email: Email | None = None
    phone: Phone | None = None
    city: Line | None = None
    state: StateCode | None = None
    source: Line | None = None
    notes: Text | None = None
    status: Literal["new", "qualified", "lost"] = _UNSET
    lost_reason: Line | None = None


class Lead(BaseModel):
    """Someone who may become a customer."""

    id: UUID
    name: str
    organisation: str | None
    tax_id: str | None
    email: str | None
    phone: str | None
    city: str | None
    state: str | None
    source: str | None
    notes: str | None
    status: LeadStatus
    lost_reason: str | None
    customer_id: UUID | None
    converted_at: datetime | None
    created_at: datetime


class Conversion(Input):
    """How to turn a lead into a customer: a new one, or one that exists."""

    tax_id: TaxIdText | None = Field(
        None, description="Needed when the lead has none and no customer is named"
    )
    name: Line | None = Field(
        None, description="Name of the new customer; the lead's organisation or name if left out"
    )
    customer_id: UUID | None = Field(None, description="An existing customer the lead belongs to")


class Converted(BaseModel):
    """A lead that became a customer."""

    lead: Lead
    customer: Customer


class TaxIdAnswer(BaseModel):
    """What is known about a tax id."""

    value: str
    valid: bool
    kind: Literal["cpf", "cnpj"] | None = None
    formatted: str | None = None
    reason: Annotated[str | None, Field(description="Why it is not valid")] = None
    customer_id: Annotated[UUID | None, Field(description="The active customer that already has it")] = None
