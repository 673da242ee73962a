"""Companies: the tenants of this installation."""

from typing import Any
from uuid import UUID

from asyncpg import UniqueViolationError
from nexus_kit import Principal, Tx, problem

from nexus_users.invitations import invite
from nexus_users.roles import create_administrator
from nexus_users.schemas import CompanyIn

SELECT = "SELECT company_id AS id, name, tax_id, currency, created_at, updated_at FROM companies"


async def company(tx: Tx, company_id: UUID) -> dict[str, Any]:
    """A company. Raises a 404 problem."""
    row = await tx.fetchrow(f"{SELECT} WHERE company_id = $1", company_id)
    if row is None:
        raise problem(404, "no-such-company", "This company is not known here.")
    return dict(row)


async def rename_company(tx: Tx, company_id: UUID, name: str) -> dict[str, Any]:
    """Give the company another name."""
    await tx.execute(
        "UPDATE companies SET name = $2, updated_at = now() WHERE company_id = $1", company_id, name
    )
    return await company(tx, company_id)


async def require_operator(tx: Tx, who: Principal) -> None:
    """Raise a 403 problem unless the caller's company runs this installation.

    Each company's administrator has every permission, but only within their company.
    """
    if not await tx.fetchval("SELECT operator FROM companies WHERE company_id = $1", who.company_id):
        raise problem(
            403, "not-the-operator", "Only the company that runs this installation creates companies."
        )


async def insert_company(
    tx: Tx, company_id: UUID, *, name: str, tax_id: str, currency: str, operator: bool = False
) -> UUID:
    """Add a company with its Administrator role and tell everyone. Returns the role's id."""
    await tx.execute(
        "INSERT INTO companies (company_id, name, tax_id, currency, operator) VALUES ($1, $2, $3, $4, $5)",
        company_id,
        name,
        tax_id,
        currency,
        operator,
    )
    await tx.publish(
        "company.created",
        company_id,
        {"company_id": company_id, "name": name, "tax_id": tax_id, "currency": currency},
        company_id=company_id,
    )
    return await create_administrator(tx, company_id)


async def found_company(tx: Tx, company_id: UUID, wanted: CompanyIn, founder: UUID) -> dict[str, Any]:
    """Add a company and invite its first administrator, in a transaction of the new company."""
    try:
        role_id = await insert_company(
            tx, company_id, name=wanted.name, tax_id=wanted.tax_id, currency=wanted.currency
        )
    except UniqueViolationError as error:
        raise problem(
            409, "duplicate-tax-id", "A company with this tax id exists.", field="tax_id"
        ) from error
    invitation = await invite(
        tx,
        company_id,
        email=wanted.admin.email,
        name=wanted.admin.name,
        role_ids=[role_id],
        invited_by=founder,
    )
    return {**await company(tx, company_id), "invitation": invitation}
