"""Leads: people and companies that may become customers."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends, Query, Response
from nexus_kit import Page, Paging, Principal, Tx, paging, problem, require

from nexus_crm.chassis import module
from nexus_crm.customers import Idem
from nexus_crm.models import Lead, LeadPatch, LeadStatus, NewLead
from nexus_crm.tax_id_input import tax_id_of
from nexus_crm.tax_ids import parse

router = APIRouter(prefix="/api/crm/leads", tags=["leads"])
Reader = Annotated[Principal, Depends(require("crm.lead.read"))]
Writer = Annotated[Principal, Depends(require("crm.lead.write"))]
Words = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$", description="Part of name or e-mail")]

COLUMNS = (
    "id, name, organisation, tax_id, email, phone, city, state, source, notes, status, lost_reason,"
    " customer_id, converted_at, created_at"
)


def as_lead(row: Record) -> Lead:
    """A row with COLUMNS as the API shows it; the tax id is formatted."""
    values = dict(row)
    if row["tax_id"] is not None:
        values["tax_id"] = parse(row["tax_id"]).formatted
    return Lead(**values)


@router.get("")
async def list_leads(
    who: Reader,
    pages: Annotated[Paging, Depends(paging)],
    q: Words = "",
    status: LeadStatus | None = None,
) -> Page[Lead]:
    """Leads, the newest first."""
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(
            f"""SELECT {COLUMNS} FROM leads
                WHERE company_id = $1 AND ($2::text IS NULL OR status = $2)
                  AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
                  AND position(fold($6::text) in fold(concat_ws(' ', name, organisation, email))) > 0
                ORDER BY created_at DESC, id DESC LIMIT $5""",
            who.company_id,
            status,
            pages.value(0, datetime.fromisoformat),
            pages.value(1, UUID),
            pages.limit + 1,
            q.strip(),
        )
    return Page[Lead](**pages.page(rows, "created_at", "id", item=as_lead))


@router.post("", status_code=201, response_model=Lead)
async def create_lead(who: Writer, idem: Idem, new: NewLead) -> Response:
    """Register a lead; its tax id may come later, but must be valid when given."""
    values = new.model_dump()
    if new.tax_id is not None:
        values["tax_id"] = tax_id_of(new.tax_id).value
    async with module.db.write(who, idem) as tx:
        row = await tx.fetchrow(
            f"INSERT INTO leads (company_id, {', '.join(values)})"
            f" VALUES ($1, {', '.join(f'${n}' for n in range(2, len(values) + 2))}) RETURNING {COLUMNS}",
            who.company_id,
            *values.values(),
        )
        return tx.respond(201, as_lead(row))


@router.get("/{lead_id}")
async def get_lead(who: Reader, lead_id: UUID) -> Lead:
    """One lead."""
    async with module.db.read(who.company_id) as tx:
        return as_lead(await one_lead(tx, who.company_id, lead_id))


@router.patch("/{lead_id}", response_model=Lead)
async def change_lead(who: Writer, idem: Idem, lead_id: UUID, patch: LeadPatch) -> Response:
    """Change fields of a lead, or its status; a converted lead cannot change."""
    changes: dict[str, Any] = patch.model_dump(exclude_unset=True)
    if changes.get("tax_id") is not None:
        changes["tax_id"] = tax_id_of(changes["tax_id"]).value
    async with module.db.write(who, idem) as tx:
        before = await one_lead(tx, who.company_id, lead_id, lock=True)
        if before["status"] == "converted":
            raise problem(409, "lead-closed", "This lead was converted: change its customer instead.")
        if not changes:
            return tx.respond(200, as_lead(before))
        assignments = ", ".join(f"{column} = ${n}" for n, column in enumerate(changes, 3))
        row = await tx.fetchrow(
            f"UPDATE leads SET {assignments}, updated_at = now()"
            f" WHERE company_id = $1 AND id = $2 RETURNING {COLUMNS}",
            who.company_id,
            lead_id,
            *changes.values(),
        )
        return tx.respond(200, as_lead(row))


async def one_lead(tx: Tx, company_id: UUID, lead_id: UUID, lock: bool = False) -> Record:
    """The lead's row, locked for change if asked; raises a 404 problem."""
    row: Record | None = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM leads WHERE company_id = $1 AND id = $2" + (" FOR UPDATE" if lock else ""),
        company_id,
        lead_id,
    )
    if row is None:
        raise problem(404, "lead-not-found", f"There is no lead {lead_id}.")
    return row
