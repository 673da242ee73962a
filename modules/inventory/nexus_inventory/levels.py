"""Stock levels as values: what movements and reservations do to them, and what they refuse. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

COST_STEP = Decimal("0.000001")  # numeric(18,6)
LARGEST = Decimal("99999999999999.9999")  # numeric(18,4)

Place = tuple[UUID, UUID]  # (product, warehouse), the order in which levels are locked


class NotEnough(Exception):
    """A movement or reservation that would take what is not there or is promised to someone else."""

    def __init__(self, product_id: UUID, warehouse_id: UUID, requested: Decimal, available: Decimal) -> None:
        super().__init__(f"{requested} requested, {available} available of product {product_id}")
        self.product_id = product_id
        self.warehouse_id = warehouse_id
        self.requested = requested
        self.available = available


class TooMuch(Exception):
    """More of a product in one place than a quantity can hold."""

    def __init__(self, product_id: UUID) -> None:
        super().__init__(f"more than {LARGEST} of product {product_id}")
        self.product_id = product_id


@dataclass(slots=True)
class Level:
    """One product in one warehouse. Quantities in the product's unit, cost in its currency."""

    product_id: UUID
    warehouse_id: UUID
    on_hand: Decimal
    reserved: Decimal
    average_cost: Decimal

    @property
    def available(self) -> Decimal:
        return self.on_hand - self.reserved


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the append-only ledger of stock; a positive quantity comes in."""

    product_id: UUID
    warehouse_id: UUID
    kind: str
    quantity: Decimal
    unit_cost: Decimal
    document_id: UUID


@dataclass(slots=True)
class Stock:
    """The levels a transaction holds under lock, changed in memory and then written all at once."""

    levels: dict[Place, Level]
    movements: list[Movement] = field(default_factory=list)
    touched: set[Place] = field(default_factory=set)

    def level(self, product_id: UUID, warehouse_id: UUID) -> Level | None:
        """The level, or None where this product never was in this warehouse."""
        return self.levels.get((product_id, warehouse_id))

    def receive(
        self, place: Place, quantity: Decimal, unit_cost: Decimal | None, kind: str, document_id: UUID
    ) -> None:
        """Bring stock in; the average cost moves. Without a cost it comes in at the present average."""
        level = self.levels[place]
        cost = level.average_cost if unit_cost is None else unit_cost
        total = level.on_hand + quantity
        if total > LARGEST:
            raise TooMuch(level.product_id)
        value = level.on_hand * level.average_cost + quantity * cost
        level.average_cost = (value / total).quantize(COST_STEP)
        level.on_hand = total
        self._record(Movement(*place, kind, quantity, cost, document_id))

    def issue(self, place: Place, quantity: Decimal, kind: str, document_id: UUID) -> Decimal:
        """Take free stock out at the average cost, which is returned. NotEnough leaves all as it was."""
        level = self._with_free(place, quantity)
        level.on_hand -= quantity
        self._record(Movement(*place, kind, -quantity, level.average_cost, document_id))
        return level.average_cost

    def reserve(self, place: Place, quantity: Decimal) -> None:
        """Promise free stock. NotEnough leaves all as it was."""
        level = self._with_free(place, quantity)
        level.reserved += quantity
        self.touched.add(place)

    def release(self, place: Place, quantity: Decimal) -> None:
        """Give a promise back: the stock is free again."""
        self.levels[place].reserved -= quantity
        self.touched.add(place)

    def _with_free(self, place: Place, quantity: Decimal) -> Level:
        level = self.levels.get(place)
        if level is None or level.available < quantity:
            raise NotEnough(*place, quantity, level.available if level else Decimal(0))
        return level

    def _record(self, movement: Movement) -> None:
        self.movements.append(movement)
        self.touched.add((movement.product_id, movement.warehouse_id))

    def changed(self) -> list[Level]:
        """The levels to write, in lock order."""
        return [self.levels[place] for place in sorted(self.touched)]


def totals(lines: Iterable[tuple[UUID, Decimal]]) -> dict[UUID, Decimal]:
    """Quantity by product; an order may name the same product on several lines."""
    result: dict[UUID, Decimal] = {}
    for product_id, quantity in lines:
        result[product_id] = result.get(product_id, Decimal(0)) + quantity
    return result
