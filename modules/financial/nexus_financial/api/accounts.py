"""/api/financial/accounts: the chart of accounts."""

from typing import Annotated, Any, Literal

import asyncpg
from fastapi import APIRouter, Depends, Response
from nexus_kit import Idempotency, Principal, idempotency, problem, require
from pydantic import Field

from .. import chart
from ..service import module
from .models import Account, Input

router = APIRouter(prefix="/api/financial/accounts", tags=["accounts"])

_LIST = """
SELECT id, code, name_pt, name_en, type, role, control, active FROM accounts WHERE company_id = $1
 ORDER BY string_to_array(code, '.')::bigint[]
"""
_ADD = """
INSERT INTO accounts (company_id, code, name_pt, name_en, type) VALUES ($1, $2, $3, $4, $5)
RETURNING id, code, name_pt, name_en, type, role, control, active
"""


class NewAccount(Input):
    """An account to add to the chart."""

    code: Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})*$", max_length=30, examples=["5.2.3"])]
    name_pt: Annotated[str, Field(min_length=1, max_length=120)]
    name_en: Annotated[str, Field(min_length=1, max_length=120)]
    type: Literal["asset", "liability", "equity", "revenue", "expense"]


@router.get("")
async def list_accounts(who: Annotated[Principal, Depends(require("financial.entry.read"))]) -> list[Account]:
    """The company's chart of accounts by code; a new company is given the default chart."""
    async with module.db.transaction(who.company_id) as tx:
        await chart.roles(tx, who.company_id)
        return [Account(**row) for row in await tx.fetch(_LIST, who.company_id)]


@router.post("", status_code=201, response_model=Account)
async def add_account(
    body: NewAccount,
    who: Annotated[Principal, Depends(require("financial.entry.write"))],
    idem: Annotated[Idempotency, Depends(idempotency)],
) -> Response:
    """Add an account for manual entries."""
    try:
        async with module.db.write(who, idem) as tx:
            await chart.roles(tx, who.company_id)
            row: Any = await tx.fetchrow(
                _ADD, who.company_id, body.code, body.name_pt, body.name_en, body.type
            )
            return tx.respond(201, Account(**row))
    except asyncpg.UniqueViolationError:
        raise problem(
            409, "duplicate-account", f"The account {body.code} exists already.", field="code"
        ) from None
