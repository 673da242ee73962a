"""What the API of sales takes and gives. Money has 2 decimals, quantities 4; both travel as strings."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"),
]
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern=r"^[^\x00]+$")
]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Price = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
Quantity = Annotated[Decimal, Field(gt=0, max_digits=13, decimal_places=4)]
Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]
Plain = Annotated[Decimal, PlainSerializer(lambda value: f"{value.normalize():f}", return_type=str)]

Number = Annotated[str, BeforeValidator(str), Field(description="Number of the order, for people")]
_UNSET: Any = Field(default=None)  # may be left out, but not be null

State = Literal["draft", "quotation", "confirmed", "processing", "done", "cancelled"]
ShipmentState = Literal["none", "reserved", "backorder", "shipped", "returned", "failed"]
InvoiceState = Literal["none", "posted", "paid", "reversed"]
Exception_ = Literal["out_of_stock", "shipment_failed", "stock_released", "returned", "invoice_reversed"]
Command = Literal["backorder", "edit", "quote", "confirm", "cancel"]


class Input(BaseModel):
    """A request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class NewLine(Input):
    """A product to sell; the price comes from the price list, then from the product, unless given."""

    product_id: UUID
    quantity: Quantity
    unit_price: Price | None = None
    discount_percent: Percent = Decimal(0)


Lines = Annotated[list[NewLine], Field(min_length=1, max_length=200)]


class NewOrder(Input):
    """An order to draft, or to quote at once."""

    customer_id: UUID
    price_list_id: UUID | None = None
    lines: Lines
    notes: Text | None = None
    quote: bool = Field(False, description="Make it a quotation at once")


class OrderPatch(Input):
    """The fields of a draft to change; what is left out stays. ``lines`` replaces all lines."""

    customer_id: UUID = _UNSET
    price_list_id: UUID | None = None
    lines: Lines = _UNSET
    notes: Text | None = None


class Cancellation(Input):
    """Why an order is cancelled."""

    reason: Name


class Line(BaseModel):
    """A line of an order."""

    id: UUID
    position: int
    product_id: UUID
    sku: str
    description: str
    unit: str
    quantity: Plain
    unit_price: Decimal
    discount_percent: Plain
    total: Decimal


class OrderSummary(BaseModel):
    """An order in a list."""

    id: UUID
    number: Number
    customer_id: UUID
    customer_name: str
    state: State
    exception: Exception_ | None
    shipment_state: ShipmentState
    invoice_state: InvoiceState
    currency: str
    total: Decimal
    synthetic: Annotated[bool, Field(description="Placed by a probe: left out of summaries")]
    created_at: datetime
    confirmed_at: datetime | None
    done_at: datetime | None
    cancelled_at: datetime | None


class Order(OrderSummary):
    """An order with its lines. ``actions`` are the commands its state allows now."""

    price_list_id: UUID | None
    notes: str | None
    cancel_reason: str | None
    reserved_at: datetime | None
    shipped_at: datetime | None
    invoiced_at: datetime | None
    paid_at: datetime | None
    reconciled_at: datetime | None
    actions: list[Command]
    lines: list[Line]


class TimelineEntry(BaseModel):
    """Something that happened to an order; ``text`` says it in the language of the request."""

    at: datetime
    event: str
    params: dict[str, Any]
    actor: str | None
    text: str


class OrderDetail(Order):
    """An order with its lines and all that happened to it."""

    timeline: list[TimelineEntry]


class NewPriceList(Input):
    """A price list; ``valid_until`` is its last day."""

    name: Name
    currency: Currency = "BRL"
    valid_from: date | None = Field(None, description="First day; today if left out")
    valid_until: date | None = None


class PriceListPatch(Input):
    """The fields of a price list to change; what is left out stays."""

    name: Name = _UNSET
    valid_from: date = _UNSET
    valid_until: date | None = None
    active: bool = _UNSET


class PriceList(BaseModel):
    """A price list."""

    id: UUID
    name: str
    currency: str
    valid_from: date
    valid_until: date | None
    active: bool
    created_at: datetime


class PriceItem(Input):
    """The price of a product in a list."""

    product_id: UUID
    unit_price: Price


class PriceItems(Input):
    """All the prices of a list; they replace those it had."""

    items: Annotated[list[PriceItem], Field(max_length=5000)]


class ListedPrice(BaseModel):
    """The price of a product in a list, with what sales knows of the product."""

    product_id: UUID
    sku: str | None
    name: str | None
    unit_price: Decimal


class KnownCustomer(BaseModel):
    """A customer as sales remembers it, also while the CRM is off."""

    id: UUID
    name: str
    tax_id: str | None
    email: str | None


class KnownProduct(BaseModel):
    """A product as sales remembers it."""

    id: UUID
    sku: str
    name: str
    unit: str
    list_price: Decimal
    currency: str


class Day(BaseModel):
    """Orders confirmed on a day."""

    day: date
    orders: int
    total: Decimal


class Summary(BaseModel):
    """The dashboard's numbers; synthetic orders are left out, cancelled ones count only in ``by_state``."""

    by_state: dict[str, int]
    today: Day
    days: list[Day]
    stuck: int
    exceptions: int
