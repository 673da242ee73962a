"""Month-end close as a resumable job: each step commits its effect and its mark in one transaction.

Killed anywhere, the next worker that finds the run goes on with the first step that has no mark.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import asyncpg
from nexus_kit import Tx, new_id, problem

from . import chart, ledger, periods
from .money import ZERO, total
from .service import module


class Refused(Exception):
    """A check that the month did not pass; the sentence says what to do."""


Step = Callable[[Tx, Any], Awaitable[Mapping[str, Any]]]

_NEXT = """
SELECT c.id, c.company_id, c.period_id, p.month, p.state AS period_state,
       (p.month + interval '1 month - 1 day')::date AS last_day
  FROM closes c JOIN periods p ON p.id = c.period_id
 WHERE c.state = 'running' ORDER BY c.created_at LIMIT 1 FOR UPDATE OF c SKIP LOCKED
"""
_DONE = "SELECT step FROM close_steps WHERE close_id = $1"
_MARK = "INSERT INTO close_steps (close_id, company_id, step, detail) VALUES ($1, $2, $3, $4::jsonb)"
_FREEZE = "UPDATE periods SET state = 'closing' WHERE id = $1 AND company_id = $2 AND state = 'open'"
_DRAFTS = "SELECT count(*) FROM entries WHERE company_id = $1 AND period_id = $2 AND state = 'draft'"
_CLOSE_EARLIER = """
UPDATE periods SET state = 'closed', closed_at = now()
 WHERE company_id = $1 AND month < $2 AND state = 'open' RETURNING id
"""
_IN_USE = """
SELECT min(p.month) FROM periods p WHERE p.company_id = $1 AND p.id = ANY($2::uuid[])
   AND EXISTS (SELECT 1 FROM entries e WHERE e.company_id = $1 AND e.period_id = p.id)
"""
_RESULTS = """
SELECT l.account_id, sum(l.debit - l.credit) AS balance
  FROM entries e JOIN entry_lines l ON l.entry_id = e.id JOIN accounts a ON a.id = l.account_id
 WHERE e.company_id = $1 AND e.period_id = $2 AND e.state = 'posted' AND a.type IN ('revenue', 'expense')
 GROUP BY l.account_id HAVING sum(l.debit - l.credit) <> 0 ORDER BY l.account_id
"""
_SNAPSHOT = """
WITH last AS (
    SELECT p.id, p.month FROM periods p
     WHERE p.company_id = $1 AND p.month < $3
       AND EXISTS (SELECT 1 FROM balances b WHERE b.company_id = $1 AND b.period_id = p.id)
     ORDER BY p.month DESC LIMIT 1),
before AS (
    SELECT b.account_id, b.balance FROM last JOIN balances b ON b.company_id = $1 AND b.period_id = last.id),
moved AS (
    SELECT l.account_id, coalesce(sum(l.debit) FILTER (WHERE p.id = $2), 0) AS debit,
           coalesce(sum(l.credit) FILTER (WHERE p.id = $2), 0) AS credit, sum(l.debit - l.credit) AS change
      FROM periods p
      JOIN entries e ON e.company_id = $1 AND e.period_id = p.id AND e.state = 'posted'
      JOIN entry_lines l ON l.entry_id = e.id
     WHERE p.company_id = $1 AND p.month <= $3
       AND p.month > coalesce((SELECT month FROM last), '-infinity'::date)
     GROUP BY l.account_id)
INSERT INTO balances (company_id, period_id, account_id, debit, credit, balance)
SELECT $1, $2, account_id, coalesce(m.debit, 0), coalesce(m.credit, 0),
       coalesce(b.balance, 0) + coalesce(m.change, 0)
  FROM before b FULL JOIN moved m USING (account_id)
"""
_CLOSE_PERIOD = "UPDATE periods SET state = 'closed', closed_at = now() WHERE id = $1 AND company_id = $2"
_FINISH = "UPDATE closes SET state = 'done', finished_at = now() WHERE id = $1"
_FAIL = "UPDATE closes SET state = 'failed', problem = $2, finished_at = now() WHERE id = $1"
_START = """
INSERT INTO closes (company_id, period_id, requested_by) VALUES ($1, $2, $3)
ON CONFLICT (company_id, period_id) WHERE state IN ('running', 'done') DO NOTHING RETURNING id
"""
_CURRENT = (
    "SELECT id, state FROM closes WHERE company_id = $1 AND period_id = $2 AND state IN ('running', 'done')"
)


async def check(tx: Tx, close: Any) -> Mapping[str, Any]:
    """Nothing may be left half-done in the month, nor an earlier month open; then only the close posts to it.

    Earlier months without an entry are closed along with it.
    """
    if await tx.execute(_FREEZE, close["period_id"], close["company_id"]) != "UPDATE 1":
        raise Refused(f"{close['month']:%Y-%m} is {close['period_state']}, not open.")
    drafts = await tx.fetchval(_DRAFTS, close["company_id"], close["period_id"])
    if drafts:
        raise Refused(
            f"{drafts} draft entries are dated in {close['month']:%Y-%m}: post or delete them first."
        )
    empty = [row["id"] for row in await tx.fetch(_CLOSE_EARLIER, close["company_id"], close["month"])]
    earlier = await tx.fetchval(_IN_USE, close["company_id"], empty)
    if earlier is not None:
        raise Refused(f"{earlier:%Y-%m} is still open: close it first.")
    return {"drafts": 0}


async def accruals(tx: Tx, close: Any) -> Mapping[str, Any]:
    """This chart accrues nothing by itself; the step is kept so that the record of the month is complete."""
    return {"entries": 0}


async def results(tx: Tx, close: Any) -> Mapping[str, Any]:
    """One entry empties the month's revenue and expense accounts into retained earnings."""
    rows = await tx.fetch(_RESULTS, close["company_id"], close["period_id"])
    if not rows:
        return {"accounts": 0, "result": "0.00"}
    account = await chart.roles(tx, close["company_id"])
    lines = [ledger.Line(r["account_id"], credit=r["balance"]) for r in rows if r["balance"] > 0]
    lines += [ledger.Line(r["account_id"], debit=-r["balance"]) for r in rows if r["balance"] < 0]
    result = -total(row["balance"] for row in rows)
    if result > 0:
        lines.append(ledger.Line(account["retained_earnings"], credit=result))
    elif result < 0:
        lines.append(ledger.Line(account["retained_earnings"], debit=-result))
    where = ledger.Posting(close["period_id"], close["last_day"])
    name = f"Result of {close['month']:%Y-%m}"
    entry = ledger.Entry(new_id(), "close", close["id"], name, tuple(lines))
    await ledger.post(tx, close["company_id"], where, [entry])
    return {"accounts": len(rows), "result": str(result), "entry_id": str(entry.id)}


async def snapshot(tx: Tx, close: Any) -> Mapping[str, Any]:
    """Write each account's balance at the month's end: the last snapshot plus what moved since."""
    tag = await tx.execute(_SNAPSHOT, close["company_id"], close["period_id"], close["month"])
    out = await tx.fetchval(
        "SELECT sum(balance) FROM balances WHERE company_id = $1 AND period_id = $2",
        close["company_id"],
        close["period_id"],
    )
    if out is not None and out != ZERO:
        raise Refused(f"The balances of {close['month']:%Y-%m} do not add up to zero but to {out}.")
    return {"accounts": int(tag.rsplit(" ", 1)[1])}


async def close_period(tx: Tx, close: Any) -> Mapping[str, Any]:
    """From here on nothing enters the month."""
    await tx.execute(_CLOSE_PERIOD, close["period_id"], close["company_id"])
    await tx.execute(_FINISH, close["id"])
    return {}


STEPS: dict[str, Step] = {
    "checks": check,
    "accruals": accruals,
    "results": results,
    "balances": snapshot,
    "period": close_period,
}


@module.worker(every=2.0)
async def run_closes() -> None:
    """Carry every running close on, one step per transaction."""
    while await advance():
        pass


async def advance() -> bool:
    """Do the next step of the oldest running close that no other instance works on.

    False when there is none.
    """
    async with module.db.system() as tx:
        close = await tx.fetchrow(_NEXT)
        if close is None:
            return False
        done = {row["step"] for row in await tx.fetch(_DONE, close["id"])}
        name = next(step for step in STEPS if step not in done)
        try:
            async with tx.savepoint():
                detail = await STEPS[name](tx, close)
                await tx.execute(_MARK, close["id"], close["company_id"], name, dict(detail))
        except Refused as refusal:
            await _give_up(tx, close, str(refusal))
        except asyncpg.CheckViolationError as violation:
            await _give_up(tx, close, violation.message or str(violation))
    return True


async def _give_up(tx: Tx, close: Any, reason: str) -> None:
    """End the run as failed; a month it had frozen opens again so that the cause can be mended."""
    await tx.execute(_FAIL, close["id"], reason)
    await tx.execute(
        "UPDATE periods SET state = 'open' WHERE id = $1 AND company_id = $2 AND state = 'closing'",
        close["period_id"],
        close["company_id"],
    )


async def start(tx: Tx, company_id: UUID, period: Any, user_id: UUID) -> UUID:
    """Begin the close of a period (a row with id, month, state), or join the one under way.

    Returns the run's id.
    """
    if period["month"] >= periods.first_of_month(periods.books_today()):
        month = f"{period['month']:%Y-%m}"
        raise problem(409, "period-not-over", f"The month {month} is not over: close it when it is.")
    if period["state"] == "locked":
        raise problem(409, "period-locked", f"The period {period['month']:%Y-%m} is locked.")
    started = await tx.fetchval(_START, company_id, period["id"], user_id)
    if started is None:
        current = await tx.fetchrow(_CURRENT, company_id, period["id"])
        return UUID(str(current["id"]))
    tx.after_commit(lambda: module.wake("run_closes"))
    return UUID(str(started))
