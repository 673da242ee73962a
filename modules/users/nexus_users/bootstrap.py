"""The first company and its administrator."""

from typing import Any
from uuid import UUID

from nexus_users.access import serialise
from nexus_users.chassis import module
from nexus_users.companies import insert_company
from nexus_users.domain.cnpj import plain
from nexus_users.people import create_person


@module.bootstrap
async def first_company(boot: dict[str, Any]) -> None:
    """Create what BOOTSTRAP_FILE describes, once; what exists stays as its people have made it."""
    company, admin = boot["company"], boot["admin"]
    company_id = UUID(company["id"])
    async with module.db.transaction(company_id) as tx:
        await serialise(tx, company_id)
        if await tx.fetchval("SELECT EXISTS (SELECT FROM companies WHERE company_id = $1)", company_id):
            return
        role_id = await insert_company(
            tx,
            company_id,
            name=company["name"],
            tax_id=plain(company["tax_id"]),
            currency=company["currency"],
            operator=True,
        )
        await create_person(
            tx,
            user_id=UUID(admin["id"]),
            company_id=company_id,
            email=admin["email"].strip().lower(),
            name=admin["name"],
            role_ids=[role_id],
        )
