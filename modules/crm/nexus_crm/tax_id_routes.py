"""Validate a tax id before a form is sent."""

from fastapi import APIRouter

from nexus_crm.chassis import module
from nexus_crm.customers import Reader
from nexus_crm.models import TaxIdAnswer
from nexus_crm.tax_ids import InvalidTaxId, parse

router = APIRouter(prefix="/api/crm/tax-ids", tags=["tax ids"])


@router.get("/{value:path}")
async def validate_tax_id(who: Reader, value: str) -> TaxIdAnswer:
    """Whether a CPF or CNPJ is valid (punctuation allowed), how it is written, and who already has it."""
    try:
        tax_id = parse(value)
    except InvalidTaxId as error:
        return TaxIdAnswer(value=value, valid=False, reason=str(error))
    async with module.db.read(who.company_id) as tx:
        owner = await tx.fetchval(
            "SELECT id FROM customers WHERE company_id = $1 AND tax_id = $2 AND status = 'active'",
            who.company_id,
            tax_id.value,
        )
    return TaxIdAnswer(
        value=tax_id.value, valid=True, kind=tax_id.kind, formatted=tax_id.formatted, customer_id=owner
    )
