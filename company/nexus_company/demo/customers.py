"""The CRM's part: customers."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from nexus_company.timeline import Timeline

_CUSTOMERS = """
INSERT INTO customers (company_id, id, name, tax_id, tax_id_kind, email, phone, city, state, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
"""


async def write(connection: asyncpg.Connection, company: UUID, timeline: Timeline) -> None:
    """Inserts the customers as they were on the day they joined."""
    rows = []
    for customer in timeline.customers:
        d = customer.details
        kind = "cpf" if len(d["tax_id"]) == 11 else "cnpj"
        known = (d["name"], d["tax_id"], kind, d["email"], d["phone"], d["city"], d["state"])
        rows.append((company, customer.id, *known, customer.created_at))
    await connection.executemany(_CUSTOMERS, rows)
