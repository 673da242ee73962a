"""Which orders of a batch get their stock, and from which warehouse. Pure: the caller holds the locks.

An order gets all its lines from one warehouse or nothing. Orders are served in the given sequence; one that
does not fit takes nothing, so a smaller one after it may still fit. Nobody overtakes a waiting back-order:
what the queue claims of a product is not given to orders outside the queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from .levels import Stock

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A place to ship from; `automatic` ones ship at the moment of reserving."""

    id: UUID
    automatic: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """An order that asks for stock: quantity by product. `trace` is where it began, when it asks again."""

    order_id: UUID
    lines: dict[UUID, Decimal]
    number: str = ""
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """An order that gets all it asks for, from this warehouse."""

    wish: Wish
    warehouse: Warehouse


@dataclass(frozen=True, slots=True)
class Missing:
    """A product an order could not get: the most it could have had from one warehouse."""

    product_id: UUID
    requested: Decimal
    available: Decimal


@dataclass(frozen=True, slots=True)
class Refusal:
    """An order that gets nothing, and why."""

    wish: Wish
    missing: tuple[Missing, ...]


@dataclass(slots=True)
class Outcome:
    """What became of each wish, in the sequence given."""

    grants: list[Grant] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def allocate(
    wishes: Iterable[Wish], stock: Stock, warehouses: Sequence[Warehouse], claims: Mapping[UUID, Decimal]
) -> Outcome:
    """Decide; `stock` is read, not changed. `warehouses` are tried in the given order, the default one first.

    `claims`: quantity by product that waiting back-orders have a right to before these wishes.
    """
    free = {place: level.available for place, level in stock.levels.items()}
    unclaimed = {product: -claimed for product, claimed in claims.items()}
    for (product, _), quantity in free.items():
        unclaimed[product] = unclaimed.get(product, ZERO) + quantity
    outcome = Outcome()
    for wish in wishes:
        chosen = _first_fit(wish, free, unclaimed, warehouses)
        if chosen is None:
            outcome.refusals.append(Refusal(wish, _missing(wish, free, unclaimed, warehouses)))
            continue
        for product, quantity in wish.lines.items():
            free[product, chosen.id] -= quantity
            unclaimed[product] -= quantity
        outcome.grants.append(Grant(wish, chosen))
    return outcome


def _first_fit(
    wish: Wish,
    free: Mapping[tuple[UUID, UUID], Decimal],
    unclaimed: Mapping[UUID, Decimal],
    warehouses: Sequence[Warehouse],
) -> Warehouse | None:
    lines = wish.lines.items()
    if any(unclaimed.get(product, ZERO) < quantity for product, quantity in lines):
        return None
    for warehouse in warehouses:
        if all(free.get((product, warehouse.id), ZERO) >= quantity for product, quantity in lines):
            return warehouse
    return None


def _missing(
    wish: Wish,
    free: Mapping[tuple[UUID, UUID], Decimal],
    unclaimed: Mapping[UUID, Decimal],
    warehouses: Sequence[Warehouse],
) -> tuple[Missing, ...]:
    """The products that lack; all of them when each is somewhere but no warehouse has them together."""

    def available(product: UUID) -> Decimal:
        most = max((free.get((product, warehouse.id), ZERO) for warehouse in warehouses), default=ZERO)
        return max(ZERO, min(most, unclaimed.get(product, ZERO)))

    lines = [Missing(product, quantity, available(product)) for product, quantity in wish.lines.items()]
    return tuple(line for line in lines if line.available < line.requested) or tuple(lines)
