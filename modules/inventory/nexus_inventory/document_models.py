"""Stock documents as requests and answers carry them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from .fields import Change, Cost, Input, Quantity, Text


class ReceiptLine(Input):
    """`quantity` in the product's unit, `unit_cost` in its currency per unit."""

    product_id: UUID
    quantity: Quantity
    unit_cost: Cost


class NewReceipt(Input):
    """Goods that came in; without a warehouse, into the default one."""

    warehouse_id: UUID | None = None
    reference: Text | None = None
    lines: Annotated[list[ReceiptLine], Field(min_length=1, max_length=500)]


class AdjustmentLine(Input):
    """`quantity` is the difference, not zero: negative takes stock out. A cost counts only coming in."""

    product_id: UUID
    quantity: Change
    unit_cost: Cost | None = None


class NewAdjustment(Input):
    """A correction of stock, and why; without a warehouse, in the default one."""

    warehouse_id: UUID | None = None
    reason: Text
    lines: Annotated[list[AdjustmentLine], Field(min_length=1, max_length=500)]


class TransferLine(Input):
    """`quantity` in the product's unit."""

    product_id: UUID
    quantity: Quantity


class NewTransfer(Input):
    """Goods that go from one warehouse to another, at the average cost where they leave."""

    from_warehouse_id: UUID
    to_warehouse_id: UUID
    lines: Annotated[list[TransferLine], Field(min_length=1, max_length=500)]


class Line(BaseModel):
    """What moved of a product: `quantity` is positive coming in."""

    product_id: UUID
    quantity: Decimal
    unit_cost: Decimal


class Receipt(BaseModel):
    """Goods that came in."""

    id: UUID
    warehouse_id: UUID
    reference: str | None
    created_at: datetime
    lines: list[Line]


class Adjustment(BaseModel):
    """A correction of stock."""

    id: UUID
    warehouse_id: UUID
    reason: str
    created_at: datetime
    lines: list[Line]


class Transfer(BaseModel):
    """Goods moved between warehouses; the lines are those of the receiving one."""

    id: UUID
    from_warehouse_id: UUID
    to_warehouse_id: UUID
    created_at: datetime
    lines: list[Line]
