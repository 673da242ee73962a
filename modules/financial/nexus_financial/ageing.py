"""Receivables by age, and the dashboard's figures."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from nexus_kit import Tx
from pydantic import BaseModel

from .money import total

BUCKETS = ("current", "1-30", "31-60", "61-90", "over-90")

_AGEING = """
SELECT CASE WHEN due_date >= $2 THEN 'current' WHEN $2 - due_date <= 30 THEN '1-30'
            WHEN $2 - due_date <= 60 THEN '31-60'
                   WHEN $2 - due_date <= 90 THEN '61-90' ELSE 'over-90' END AS bucket,
       count(*) AS invoices, sum(total) AS amount
  FROM invoices WHERE company_id = $1 AND state = 'posted' GROUP BY bucket
"""
_SUMMARY = """
SELECT (SELECT count(*) FROM invoices WHERE company_id = $1 AND state = 'posted') AS invoices_open,
       (SELECT coalesce(sum(total), 0) FROM invoices
              WHERE company_id = $1 AND state = 'posted') AS receivable,
       (SELECT coalesce(sum(total), 0) FROM invoices
         WHERE company_id = $1 AND state = 'posted' AND due_date < $2) AS overdue,
       (SELECT count(*) FROM payments WHERE company_id = $1
              AND reconciled_at IS NULL) AS payments_unreconciled,
       (SELECT coalesce(sum(amount), 0) FROM refunds
              WHERE company_id = $1 AND state = 'payable') AS refunds_payable
"""
_MONTH = """
SELECT a.role, sum(l.credit - l.debit) AS amount
  FROM periods p JOIN entries e ON e.company_id = p.company_id AND e.period_id = p.id AND e.state = 'posted'
  JOIN entry_lines l ON l.entry_id = e.id JOIN accounts a ON a.id = l.account_id
 WHERE p.company_id = $1 AND p.month = date_trunc('month', $2::date)::date AND e.kind <> 'close'
   AND a.role IN ('revenue', 'cost_of_sales') GROUP BY a.role
"""


class Bucket(BaseModel):
    """Open invoices of one age (days overdue)."""

    bucket: str
    invoices: int
    amount: Decimal


class Ageing(BaseModel):
    """All open invoices by age."""

    as_of: date
    buckets: list[Bucket]
    total: Decimal


class Summary(BaseModel):
    """The figures of a dashboard; revenue and cost are this month's."""

    invoices_open: int
    receivable: Decimal
    overdue: Decimal
    payments_unreconciled: int
    refunds_payable: Decimal
    month: date
    month_revenue: Decimal
    month_cost: Decimal


async def ageing(tx: Tx, company_id: UUID, today: date) -> Ageing:
    """The company's open invoices by days overdue."""
    rows = {row["bucket"]: row for row in await tx.fetch(_AGEING, company_id, today)}
    buckets = [
        Bucket(bucket=name, invoices=rows[name]["invoices"], amount=rows[name]["amount"])
        if name in rows
        else Bucket(bucket=name, invoices=0, amount=total([]))
        for name in BUCKETS
    ]
    return Ageing(as_of=today, buckets=buckets, total=total(bucket.amount for bucket in buckets))


async def summary(tx: Tx, company_id: UUID, today: date) -> Summary:
    """The company's figures today."""
    figures = await tx.fetchrow(_SUMMARY, company_id, today)
    month = {row["role"]: row["amount"] for row in await tx.fetch(_MONTH, company_id, today)}
    return Summary(
        invoices_open=figures["invoices_open"],
        receivable=total([figures["receivable"]]),
        overdue=total([figures["overdue"]]),
        payments_unreconciled=figures["payments_unreconciled"],
        refunds_payable=total([figures["refunds_payable"]]),
        month=today.replace(day=1),
        month_revenue=month.get("revenue", total([])),
        month_cost=-month.get("cost_of_sales", total([])),
    )
