"""The chart of accounts: a small Brazilian default, made for a company when it first needs one."""

from typing import NamedTuple
from uuid import UUID

from nexus_kit import Tx


class Account(NamedTuple):
    """One account of the default chart; `role` names what the module posts there."""

    code: str
    name_pt: str
    name_en: str
    type: str
    role: str | None = None
    control: bool = False


DEFAULT = (
    Account("1.1.1", "Caixa", "Cash", "asset"),
    Account("1.1.2", "Bancos conta movimento", "Bank", "asset", "bank"),
    Account("1.1.3", "PIX a liquidar", "PIX clearing", "asset", "pix_clearing", True),
    Account("1.1.4", "Clientes", "Trade receivables", "asset", "receivable", True),
    Account("1.1.5", "Estoques", "Inventory", "asset", "inventory"),
    Account("1.2.1", "Imobilizado", "Property and equipment", "asset"),
    Account("2.1.1", "Fornecedores", "Trade payables", "liability"),
    Account("2.1.2", "Impostos a recolher", "Taxes payable", "liability"),
    Account("2.1.3", "Salários a pagar", "Wages payable", "liability"),
    Account("2.1.4", "Devoluções a clientes", "Refunds payable", "liability", "refund_payable", True),
    Account("3.1.1", "Capital social", "Share capital", "equity"),
    Account("3.2.1", "Lucros acumulados", "Retained earnings", "equity", "retained_earnings"),
    Account("4.1.1", "Receita de vendas", "Sales revenue", "revenue", "revenue"),
    Account("4.2.1", "Receitas financeiras", "Financial income", "revenue"),
    Account("5.1.1", "Custo das mercadorias vendidas", "Cost of goods sold", "expense", "cost_of_sales"),
    Account("5.2.1", "Despesas com pessoal", "Staff", "expense"),
    Account("5.2.2", "Despesas administrativas", "Administration", "expense"),
    Account("5.3.1", "Despesas financeiras", "Financial expenses", "expense"),
)

Roles = dict[str, UUID]
_known: dict[UUID, Roles] = {}  # an account's id and role never change once committed

_ROLES = "SELECT role, id FROM accounts WHERE company_id = $1 AND role IS NOT NULL"
_CREATE = """
INSERT INTO accounts (company_id, code, name_pt, name_en, type, role, control)
SELECT $1, a.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[]) AS a
ON CONFLICT DO NOTHING
"""


async def roles(tx: Tx, company_id: UUID) -> Roles:
    """The company's accounts by role, creating the default chart when it has none yet."""
    known = _known.get(company_id)
    if known is not None:
        return known
    found = await _read(tx, company_id)
    if found:
        _known[company_id] = found  # read before this transaction wrote any: committed
        return found
    await tx.execute(_CREATE, company_id, *map(list, zip(*DEFAULT, strict=True)))
    return await _read(tx, company_id)


async def _read(tx: Tx, company_id: UUID) -> Roles:
    return {row["role"]: row["id"] for row in await tx.fetch(_ROLES, company_id)}
