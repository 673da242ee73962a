"""Shapes that several endpoints share."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

Method = Literal["pix", "transfer", "cash", "card"]
InvoiceState = Literal["posted", "paid", "reversed"]
ChargeState = Literal["requested", "active", "paid", "expired", "cancelling", "cancelled"]
PeriodState = Literal["open", "closing", "closed", "locked"]


class Input(BaseModel):
    """A request body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Account(BaseModel):
    """An account of the chart."""

    id: UUID
    code: str
    name_pt: str
    name_en: str
    type: Literal["asset", "liability", "equity", "revenue", "expense"]
    role: str | None
    control: bool
    active: bool


class Period(BaseModel):
    """A month of the books."""

    id: UUID
    month: date
    state: PeriodState
    closed_at: datetime | None
    locked_at: datetime | None


class EntryLine(BaseModel):
    """One side of an entry."""

    account_id: UUID
    account_code: str
    debit: Decimal
    credit: Decimal


class Entry(BaseModel):
    """A journal entry without its lines."""

    id: UUID
    date: date
    kind: str
    state: Literal["draft", "posted"]
    description: str
    currency: str
    total: Decimal
    source_id: UUID | None
    reversal_of: UUID | None
    posted_at: datetime | None
    created_at: datetime


class EntryDetail(Entry):
    """A journal entry with its lines."""

    lines: list[EntryLine]


class Invoice(BaseModel):
    """An invoice without its lines."""

    id: UUID
    number: int
    order_id: UUID
    order_number: str
    customer_id: UUID
    currency: str
    total: Decimal
    state: InvoiceState
    txid: str | None
    issue_date: date
    due_date: date
    paid_at: datetime | None
    reversed_at: datetime | None
    created_at: datetime


class Payment(BaseModel):
    """Money received; without an invoice it is owed back."""

    id: UUID
    method: Method
    end_to_end_id: str
    txid: str | None
    invoice_id: UUID | None
    order_id: UUID | None
    amount: Decimal
    currency: str
    received_at: datetime
    reconciled_at: datetime | None
    created_at: datetime


class Charge(BaseModel):
    """A PIX charge."""

    txid: str
    invoice_id: UUID
    order_id: UUID
    amount: Decimal
    currency: str
    state: ChargeState
    copy_paste: str | None
    expires_at: datetime
    created_at: datetime
