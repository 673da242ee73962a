"""From the text of a request to a valid tax id, or the problem that names what is wrong."""

from asyncpg import UniqueViolationError
from nexus_kit import Problem, problem

from nexus_crm.tax_ids import InvalidTaxId, TaxId, parse


def tax_id_of(text: str) -> TaxId:
    """Parse a tax id sent by a client; raises a 422 problem naming the field."""
    try:
        return parse(text)
    except InvalidTaxId as error:
        raise problem(422, "invalid-tax-id", str(error), field="tax_id") from None


def taken(error: UniqueViolationError, tax_id: TaxId | None) -> Problem:
    """The 409 problem for a tax id that another active customer has."""
    if error.constraint_name != "customers_active_tax_id":
        raise error
    which = f"tax id {tax_id.formatted}" if tax_id else "this tax id"
    return problem(
        409,
        "duplicate-tax-id",
        f"Another active customer already has {which}: use it, or merge them.",
        field="tax_id",
    )
