"""The CRM's own question: does any tax id belong to more than one customer?"""

from nexus_kit import BusinessHealth, Module, Tx


def register(module: Module) -> None:
    """Put the CRM's numbers behind ``/health/business``."""

    @module.business
    async def numbers(tx: Tx) -> BusinessHealth:
        row = await tx.fetchrow(
            """SELECT
                 (SELECT count(*) FROM (
                    SELECT FROM customers WHERE status <> 'merged'
                    GROUP BY company_id, tax_id HAVING count(*) > 1) AS shared) AS duplicate_tax_ids,
                 (SELECT count(*) FROM customers WHERE status = 'active') AS active_customers,
                 (SELECT count(*) FROM leads WHERE status IN ('new', 'qualified')) AS open_leads"""
        )
        return BusinessHealth(dict(row), bad=("duplicate_tax_ids",))
