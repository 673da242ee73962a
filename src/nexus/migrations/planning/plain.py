"""A plan as plain data: what `nexus migrate plan --json` prints. Keys are added, never renamed.

| key | what |
| --- | --- |
| ok | whether nothing stands in the way |
| digest | what tells plans apart; a rehearsal is of one digest |
| seconds | how long all steps are likely to take, null where it is not known |
| steps[] | what would be applied, in order; see below |
| later[] | what waits for a release: a step with `waits`, the sentence that says for what |
| refusals[] | kind, about (`module/name` or a module), sentence, mend, code (Prisma's or "") |
| notes[] | sentences |
| commands[] | modules that bring their schema up to date by a command: module, schema, command[] |

A step: number (from 1; null in `later`), id, module, schema, migration, checksum, file, phase, reasons[],
risk (none, low, medium, high), causes[], after[] (ids), one_transaction, resumes, may_block (seconds or
null), seconds, first[], statements[].

A statement: line, head, seconds, concurrently, batch, effects[].

An effect: table (`schema.name`, "" where it is not known), lock, blocks (nobody, schema changes, writes,
reads and writes), work ("", scan, rewrite, index, write), why, destroys, known, rows, bytes, total (null for
a table that nobody knows; rows -1: never counted).
"""

from __future__ import annotations

from typing import Any

from nexus.migrations.effects.effect import UNKNOWN, Effect
from nexus.migrations.planning.planned import MigrationPlan, PlannedMigration, PlannedStatement, Refusal


def plain(plan: MigrationPlan) -> dict[str, Any]:
    """The plan as this module's table tells."""
    return {
        "ok": not plan.refusals,
        "digest": plan.digest,
        "seconds": plan.seconds,
        "steps": [_step(each, number) for number, each in enumerate(plan.steps, 1)],
        "later": [{**_step(each, None), "waits": sentence} for each, sentence in plan.later],
        "refusals": [_refusal(each) for each in plan.refusals],
        "notes": list(plan.notes),
        "commands": [
            {"module": each.module, "schema": each.schema, "command": list(each.command)}
            for each in plan.commands
        ],
    }


def _step(planned: PlannedMigration, number: int | None) -> dict[str, Any]:
    return {
        "number": number,
        "id": planned.id,
        "module": planned.source.module,
        "schema": planned.source.schema,
        "migration": planned.migration.name,
        "checksum": planned.migration.checksum,
        "file": planned.migration.place,
        "phase": planned.phase,
        "reasons": list(planned.reasons),
        "risk": planned.risk,
        "causes": list(planned.causes),
        "after": list(planned.after),
        "one_transaction": planned.one,
        "resumes": planned.resumes,
        "may_block": planned.may_block,
        "seconds": planned.seconds,
        "first": list(planned.first),
        "statements": [_statement(each) for each in planned.statements],
    }


def _statement(statement: PlannedStatement) -> dict[str, Any]:
    return {
        "line": statement.line,
        "head": statement.head,
        "seconds": statement.seconds,
        "concurrently": statement.concurrently,
        "batch": statement.batch,
        "effects": [_effect(each, statement) for each in statement.effects],
    }


def _effect(effect: Effect, statement: PlannedStatement) -> dict[str, Any]:
    facts = statement.tables.get(effect.table)
    return {
        "table": "" if effect.table == UNKNOWN else str(effect.table),
        "lock": effect.lock.title,
        "blocks": effect.lock.blocks,
        "work": effect.work,
        "why": effect.why,
        "destroys": effect.destroys,
        "known": effect.known,
        "rows": facts.rows if facts else None,
        "bytes": facts.bytes if facts else None,
        "total": facts.total if facts else None,
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "kind": refusal.kind,
        "about": refusal.about,
        "sentence": refusal.sentence,
        "mend": refusal.mend,
        "code": refusal.code,
    }
