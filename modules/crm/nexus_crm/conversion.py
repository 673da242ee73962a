"""Turning a lead into a customer."""

from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Response
from nexus_kit import Tx, problem

from nexus_crm.chassis import module
from nexus_crm.customers import Idem, as_customer, insert, one
from nexus_crm.leads import COLUMNS, Writer, as_lead, one_lead
from nexus_crm.models import Conversion, Converted, NewCustomer

router = APIRouter(prefix="/api/crm/leads", tags=["leads"])


@router.post("/{lead_id}/convert", status_code=201, response_model=Converted)
async def convert_lead(who: Writer, idem: Idem, lead_id: UUID, how: Conversion) -> Response:
    """Turn a lead into a new customer, or attach it to one that exists. Needs crm.customer.write too."""
    if not who.can("crm.customer.write"):
        raise problem(403, "forbidden", "Converting a lead makes a customer: crm.customer.write is needed.")
    async with module.db.write(who, idem) as tx:
        lead = await one_lead(tx, who.company_id, lead_id, lock=True)
        if lead["status"] in ("converted", "lost"):
            raise problem(409, "lead-closed", f"This lead is {lead['status']}: only an open lead converts.")
        customer = await _customer_of(tx, who.company_id, lead, how)
        row = await tx.fetchrow(
            f"""UPDATE leads
                SET status = 'converted', customer_id = $3, converted_at = now(), updated_at = now()
                WHERE company_id = $1 AND id = $2 RETURNING {COLUMNS}""",
            who.company_id,
            lead_id,
            customer["id"],
        )
        return tx.respond(201, Converted(lead=as_lead(row), customer=as_customer(customer)))


async def _customer_of(tx: Tx, company_id: UUID, lead: Record, how: Conversion) -> Record:
    """The existing customer that was named, or a new one from the lead's data."""
    if how.customer_id is not None:
        customer = await one(tx, company_id, how.customer_id, lock=True)
        if customer["status"] != "active":
            raise problem(
                409, "customer-not-active", f"This customer is {customer['status']}: choose an active one."
            )
        return customer
    tax_id = how.tax_id or lead["tax_id"]
    if tax_id is None:
        raise problem(
            422, "tax-id-needed", "The lead has no tax id: send tax_id or customer_id.", field="tax_id"
        )
    new = NewCustomer(
        name=how.name or lead["organisation"] or lead["name"],
        tax_id=tax_id,
        email=lead["email"],
        phone=lead["phone"],
        city=lead["city"],
        state=lead["state"],
    )
    return await insert(tx, company_id, new)
