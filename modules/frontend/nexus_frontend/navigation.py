"""The menu: what a person may open, with its keyboard shortcut, and which bricks it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nexus_frontend.visit import Visit


@dataclass(frozen=True, slots=True)
class Entry:
    """One menu entry. brick: the module it stands on. permission: what it takes to read it.
    new: the page that makes one, and write: what that takes."""

    name: str
    href: str
    brick: str = ""
    permission: str = ""
    keys: str = ""
    new: str = ""
    write: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A menu entry as a person sees it. state: ready | down | off."""

    entry: Entry
    state: str
    current: bool


GROUPS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    ("day", (Entry("dashboard", "/", keys="g d"),)),
    (
        "sell",
        (
            Entry(
                "orders", "/orders", "sales", "sales.order.read", "g o", "/orders/new", "sales.order.write"
            ),
            Entry(
                "customers",
                "/customers",
                "crm",
                "crm.customer.read",
                "g c",
                "/customers/new",
                "crm.customer.write",
            ),
            Entry("leads", "/leads", "crm", "crm.lead.read", "g l", "/leads/new", "crm.lead.write"),
        ),
    ),
    (
        "goods",
        (
            Entry(
                "products",
                "/products",
                "inventory",
                "inventory.product.read",
                "g p",
                "/products/new",
                "inventory.product.write",
            ),
            Entry("shipments", "/shipments", "inventory", "inventory.stock.read", "g s"),
        ),
    ),
    (
        "money",
        (
            Entry("invoices", "/invoices", "financial", "financial.invoice.read", "g i"),
            Entry("payments", "/payments", "financial", "financial.payment.read", "g y"),
            Entry(
                "ledger",
                "/ledger",
                "financial",
                "financial.entry.read",
                "g j",
                "/ledger/new",
                "financial.entry.write",
            ),
            Entry("closes", "/closes", "financial", "financial.entry.read", "g m"),
        ),
    ),
    (
        "company",
        (
            Entry(
                "people",
                "/people",
                "users",
                "users.user.read",
                "g u",
                "/people/invite",
                "users.invitation.write",
            ),
        ),
    ),
)


def menu(visit: Visit) -> list[tuple[str, list[Shown]]]:
    """The menu for a visit, in groups; empty for a person who is not logged in."""
    if visit.session is None:
        return []
    path = visit.request.url.path
    bricks = visit.app.bricks
    groups = []
    for group, entries in GROUPS:
        shown = []
        for entry in entries:
            if entry.permission and not visit.can(entry.permission):
                continue
            state = "ready"
            if entry.brick:
                state = bricks.state(entry.brick)
            here = path == entry.href or (entry.href != "/" and path.startswith(entry.href + "/"))
            shown.append(Shown(entry, state, here))
        if shown:
            groups.append((group, shown))
    return groups


def creation(visit: Visit, groups: list[tuple[str, list[Shown]]]) -> str:
    """Where "create" leads from here: what this part of the menu makes, else the first thing the person may
    make; empty when there is none."""
    makers = [
        shown
        for _, entries in groups
        for shown in entries
        if shown.entry.new and shown.state == "ready" and visit.can(shown.entry.write)
    ]
    return next((shown.entry.new for shown in sorted(makers, key=lambda one: not one.current)), "")
