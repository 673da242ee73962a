"""The dashboard's numbers. Days are those of the company's time zone; synthetic orders are left out."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from nexus_sales.chassis import Reader, module
from nexus_sales.models import Day, Summary
from nexus_sales.stuck import IN_HAND, STUCK, UNDOING

router = APIRouter(prefix="/api/sales/summary", tags=["summary"])
DAYS = 30

_BY_STATE = """
SELECT state, count(*) AS orders FROM orders WHERE company_id = $1 AND NOT of_probe GROUP BY state
"""
_BY_DAY = f"""
WITH today AS (SELECT (now() AT TIME ZONE $2)::date AS day),
days AS (SELECT today.day - ago AS day FROM today, generate_series(0, {DAYS - 1}) AS g(ago)),
sold AS (
    SELECT (confirmed_at AT TIME ZONE $2)::date AS day, count(*) AS orders, sum(total) AS total
    FROM orders, today
    WHERE company_id = $1 AND NOT of_probe AND state <> 'cancelled'
      AND confirmed_at >= (today.day - {DAYS - 1})::timestamp AT TIME ZONE $2
    GROUP BY 1
)
SELECT days.day, coalesce(sold.orders, 0) AS orders, coalesce(sold.total, 0.00) AS total
FROM days LEFT JOIN sold USING (day) ORDER BY day
"""


@router.get("")
async def summary(
    who: Reader,
    zone: Annotated[
        Literal["America/Sao_Paulo", "America/Manaus", "America/Rio_Branco", "America/Noronha", "UTC"],
        Query(description="Time zone that says when a day begins"),
    ] = "America/Sao_Paulo",
) -> Summary:
    """Orders by state, today, the last 30 days, and what is stuck or needs a person."""
    async with module.db.read(who.company_id) as tx:
        states = await tx.fetch(_BY_STATE, who.company_id)
        days = [Day(**row) for row in await tx.fetch(_BY_DAY, who.company_id, zone)]
        in_hand = await tx.fetchrow(f"{IN_HAND} AND company_id = $1", who.company_id)
        undoing = await tx.fetchval(f"{UNDOING} AND company_id = $1", who.company_id)
    return Summary(
        by_state={row["state"]: row["orders"] for row in states},
        today=days[-1],
        days=days,
        stuck=sum(in_hand[step] for step in STUCK) + undoing,
        exceptions=in_hand["exceptions"],
    )
