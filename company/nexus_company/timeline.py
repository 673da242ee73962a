"""Two months in the life of a Brazilian retailer, computed: no clock, no network, one seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from nexus_company import people
from nexus_company.catalogue import ANNOUNCED, CATALOGUE, Item

Outcome = Literal["done", "declined", "open_quote", "awaiting_payment"]

WEEKDAY = (0.95, 0.90, 0.95, 1.05, 1.25, 1.35, 0.70)  # Monday to Sunday
ORDERS_PER_DAY = 36
BRAZIL_OFFSET = timedelta(hours=3)  # São Paulo is UTC-3, without daylight saving since 2019
SOURCES = ("site", "indicação", "feira", "telefone")
HOURS = (1, 1, 1, 1, 1, 1, 2, 4, 7, 9, 11, 12, 11, 9, 10, 10, 10, 11, 12, 13, 13, 11, 6, 3)


@dataclass(frozen=True)
class Customer:
    """A buyer, as the CRM takes it, since a moment."""

    id: UUID
    created_at: datetime
    details: dict[str, str]


@dataclass(frozen=True)
class Product:
    """An item of the catalogue, since a moment."""

    id: UUID
    created_at: datetime
    item: Item


@dataclass(frozen=True)
class Line:
    """Some units of one product at its list price."""

    id: UUID
    product: Product
    quantity: Decimal

    @property
    def total(self) -> Decimal:
        return (self.product.item.price * self.quantity).quantize(Decimal("0.01"))


@dataclass(frozen=True)
class Order:
    """One order with the times of what happened to it; None: it did not (yet) happen."""

    id: UUID
    customer: Customer
    lines: tuple[Line, ...]
    outcome: Outcome
    created_at: datetime
    confirmed_at: datetime | None = None
    shipped_at: datetime | None = None
    paid_at: datetime | None = None
    reconciled_at: datetime | None = None

    @property
    def total(self) -> Decimal:
        return sum((line.total for line in self.lines), Decimal("0.00"))


@dataclass(frozen=True)
class Lead:
    """Someone who asked; `customer` is who came of it."""

    id: UUID
    created_at: datetime
    details: dict[str, str]
    source: str
    status: Literal["new", "qualified", "converted", "lost"]
    closed_at: datetime
    customer: Customer | None = None


@dataclass(frozen=True)
class Receipt:
    """Goods that came in: quantity per product."""

    id: UUID
    at: datetime
    quantities: dict[UUID, Decimal]


@dataclass
class Timeline:
    """All that happened, each list in the order of time."""

    customers: list[Customer] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    announced: list[Product] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)


def uuid7(at: datetime, rng: random.Random) -> UUID:
    """A version 7 UUID of that moment (RFC 9562, section 5.7), its random part from `rng`."""
    milliseconds = int(at.timestamp() * 1000)
    value = (
        (milliseconds << 80) | (0x7 << 76) | (rng.getrandbits(12) << 64) | (0b10 << 62) | rng.getrandbits(62)
    )
    return UUID(int=value)


def demand(day: date) -> float:
    """Orders wanted on a day: the week's rhythm, pay days and the end-of-year peaks of Brazilian retail."""
    factor = WEEKDAY[day.weekday()]
    if day.day <= 7 or day.day >= 29:  # salaries come by the fifth working day
        factor *= 1.30
    elif day.day in (15, 20):  # advances on salaries
        factor *= 1.12
    black_friday = _black_friday(day.year)
    if day == black_friday:
        factor *= 3.2
    elif abs((day - black_friday).days) <= 3:
        factor *= 1.7
    if day.month == 12 and day.day <= 23:  # the 13th salary is spent
        factor *= 1.5
    return ORDERS_PER_DAY * factor


def _black_friday(year: int) -> date:
    first = date(year, 11, 1)
    thursday = first + timedelta(days=(3 - first.weekday()) % 7 + 21)
    return thursday + timedelta(days=1)


def compose(until: datetime, seed: int, days: int = 61, customers: int = 320) -> Timeline:
    """The company's history up to `until` (UTC): same arguments, same history."""
    rng = random.Random(seed)
    timeline = Timeline()
    opened = until - timedelta(days=days)
    for item in CATALOGUE:
        born = opened - timedelta(days=rng.randrange(20, 60), seconds=rng.randrange(86_400))
        timeline.products.append(Product(uuid7(born, rng), born, item))
    timeline.customers = _customers(opened, until, customers, rng)
    day = opened.date()
    while day <= until.date():
        for _ in range(_poisson(demand(day), rng)):
            order = _order(day, until, timeline, rng)
            if order is not None:
                timeline.orders.append(order)
        day += timedelta(days=1)
    timeline.orders.sort(key=lambda order: order.created_at)
    timeline.receipts = _receipts(timeline, opened, rng)
    timeline.announced = [Product(uuid7(until - timedelta(days=6), rng), until - timedelta(days=6), item)
                          for item in ANNOUNCED]  # fmt: skip
    timeline.leads = _leads(timeline.customers, opened, until, rng)
    return timeline


def _customers(opened: datetime, until: datetime, count: int, rng: random.Random) -> list[Customer]:
    """Two thirds were customers before the first day; the rest joined along the way."""
    found: list[Customer] = []
    taken: set[str] = set()
    span = (until - opened).total_seconds()
    while len(found) < count:
        details = people.customer(rng)
        if details["tax_id"] in taken:
            continue
        taken.add(details["tax_id"])
        late = rng.random() < 0.33
        born = opened + timedelta(
            seconds=rng.uniform(0, span * 0.95) if late else -rng.uniform(86_400, 15_552_000)
        )
        found.append(Customer(uuid7(born, rng), born, details))
    return sorted(found, key=lambda customer: customer.created_at)


def _leads(customers: list[Customer], opened: datetime, until: datetime, rng: random.Random) -> list[Lead]:
    """Who became a customer along the way was a lead some days before; others are open, or went away."""
    found = []
    for customer in customers:
        if customer.created_at > opened:
            at = customer.created_at - timedelta(days=rng.uniform(0.2, 6))
            who = customer.details
            found.append(
                Lead(uuid7(at, rng), at, who, rng.choice(SOURCES), "converted", customer.created_at, customer)
            )
            if rng.random() < 0.9:
                found.append(_open_lead(at, until, rng))
    return sorted(found, key=lambda lead: lead.created_at)


def _open_lead(at: datetime, until: datetime, rng: random.Random) -> Lead:
    """A lead that did not become a customer: of the old ones nearly all are lost."""
    old = at < until - timedelta(days=12)
    status: Literal["new", "qualified", "lost"] = "lost" if old else rng.choice(("new", "qualified", "lost"))
    closed = min(until, at + timedelta(days=rng.uniform(1, 9)))
    return Lead(uuid7(at, rng), at, people.customer(rng), rng.choice(SOURCES), status, closed)


def _poisson(mean: float, rng: random.Random) -> int:
    """A normal approximation of a Poisson draw: good above some ten a day."""
    return max(0, round(rng.gauss(mean, mean**0.5)))


def _order(day: date, until: datetime, timeline: Timeline, rng: random.Random) -> Order | None:
    hour = rng.choices(range(24), HOURS)[0]
    local = datetime(day.year, day.month, day.day, hour, rng.randrange(60), rng.randrange(60), tzinfo=UTC)
    created = local + BRAZIL_OFFSET
    known = [customer for customer in timeline.customers if customer.created_at < created]
    if created > until or not known:
        return None
    chosen = rng.choices(
        timeline.products, [p.item.popularity for p in timeline.products], k=rng.choice((1, 1, 2, 3, 4))
    )
    products = list({product.id: product for product in chosen}.values())
    lines = tuple(Line(uuid7(created, rng), p, Decimal(rng.choice((1, 1, 1, 2, 2, 3)))) for p in products)
    customer = known[int(len(known) * rng.random() ** 1.6)]  # some buy often, most now and then
    order_id = uuid7(created, rng)
    confirmed = created + timedelta(minutes=rng.expovariate(1 / 25) + 1)
    shipped = confirmed + timedelta(seconds=rng.uniform(1, 8))
    paid = shipped + timedelta(minutes=rng.expovariate(1 / 90) + 0.5)
    reconciled = paid + timedelta(seconds=rng.uniform(2, 30))
    luck = rng.random()
    if luck < 0.07:
        return Order(order_id, customer, lines, "declined", created)
    if confirmed > until or (luck < 0.30 and created > until - timedelta(days=2)):
        return Order(order_id, customer, lines, "open_quote", created)
    if reconciled > until or (luck > 0.985 and created > until - timedelta(days=20)):
        if shipped > until:
            return Order(order_id, customer, lines, "open_quote", created)
        return Order(order_id, customer, lines, "awaiting_payment", created, confirmed, shipped)
    return Order(order_id, customer, lines, "done", created, confirmed, shipped, paid, reconciled)


def _receipts(timeline: Timeline, opened: datetime, rng: random.Random) -> list[Receipt]:
    """Each Monday the buyers refill what the coming week will sell, with some to spare."""
    sold: dict[int, dict[UUID, Decimal]] = {}
    for order in timeline.orders:
        if order.shipped_at is not None:
            week = sold.setdefault(_week(order.shipped_at, opened), {})
            for line in order.lines:
                week[line.product.id] = week.get(line.product.id, Decimal(0)) + line.quantity
    receipts = []
    weeks = max(sold, default=0) + 1
    for number in range(weeks):
        at = opened - timedelta(days=1) + timedelta(weeks=number)
        needed = sold.get(number, {})
        quantities = {
            product.id: needed.get(product.id, Decimal(0))
            + Decimal(rng.randrange(2, 9) + product.item.popularity)
            for product in timeline.products
        }
        receipts.append(Receipt(uuid7(at, rng), at, quantities))
    return receipts


def _week(at: datetime, opened: datetime) -> int:
    return max(0, (at - opened + timedelta(days=1)).days // 7)
