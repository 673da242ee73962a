"""The CRM's part: customers, and the leads they were."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from nexus_company.timeline import Timeline

_CUSTOMERS = """
INSERT INTO customers (company_id, id, name, tax_id, tax_id_kind, email, phone, city, state, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
"""

_LEADS = """
INSERT INTO leads (company_id, id, name, tax_id, email, phone, city, state, source, status, lost_reason, customer_id,
                   converted_at, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""


async def write(connection: asyncpg.Connection, company: UUID, timeline: Timeline) -> None:
    """Inserts the customers as they were on the day they joined, then the leads."""
    rows = []
    for customer in timeline.customers:
        d = customer.details
        kind = "cpf" if len(d["tax_id"]) == 11 else "cnpj"
        known = (d["name"], d["tax_id"], kind, d["email"], d["phone"], d["city"], d["state"])
        rows.append((company, customer.id, *known, customer.created_at))
    await connection.executemany(_CUSTOMERS, rows)
    leads = []
    for lead in timeline.leads:
        d, won = lead.details, lead.customer
        who = (d["name"], d["tax_id"], d["email"], d["phone"], d["city"], d["state"], lead.source)
        reason = "sem resposta" if lead.status == "lost" else None
        end = (lead.status, reason, won and won.id, won and won.created_at, lead.created_at, lead.closed_at)
        leads.append((company, lead.id, *who, *end))
    await connection.executemany(_LEADS, leads)
