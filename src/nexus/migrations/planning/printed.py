"""A plan of migrations as people read it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from nexus.migrations.effects.effect import UNKNOWN, Effect
from nexus.migrations.planning.planned import MigrationPlan, PlannedMigration, PlannedStatement
from nexus.migrations.planning.sizes import duration, rows, size

WIDTH = 110
MOST = 12  # statements without any effect are folded behind so many
_WORK = {"scan": "scans", "rewrite": "rewrites", "index": "indexes", "write": "writes rows of"}


def printed(plan: MigrationPlan) -> str:
    """Numbered migrations, each with why, its statements and what must be true first; then what waits, and
    what stands in the way.
    """
    return "\n".join(_lines(plan))


def _lines(plan: MigrationPlan) -> Iterator[str]:
    yield f"migrate: {_total(plan)}"
    for note in plan.notes:
        yield from _wrap(f"note: {note}", 2, 8)
    width = len(str(len(plan.steps)))
    for number, each in enumerate(plan.steps, 1):
        yield ""
        yield from _migration(f"{number:>{width}}. ", each)
    for source in plan.commands:
        yield ""
        yield from _wrap(
            f"{source.module}: brought up to date by its own command: {' '.join(source.command)}", 2, 4
        )
    if plan.later:
        yield ""
        yield "later:"
        for each, sentence in plan.later:
            yield from _wrap(f"{each.id} ({each.phase}): {sentence}", 2, 4)
    if plan.refusals:
        yield ""
        yield "refused:"
        for refusal in plan.refusals:
            code = f" [{refusal.code}]" if refusal.code else ""
            about = f"{refusal.about}: " if refusal.about else ""
            yield from _wrap(f"{refusal.kind}{code}: {about}{refusal.sentence}", 2, 4)
            yield from _wrap(f"mend: {refusal.mend}", 4, 10)


def _total(plan: MigrationPlan) -> str:
    if not plan.steps:
        waits = f", {len(plan.later)} waiting for a release" if plan.later else ""
        return f"nothing to apply{waits}"
    modules = len({each.source.module for each in plan.steps})
    count = "1 migration" if len(plan.steps) == 1 else f"{len(plan.steps)} migrations"
    return f"{count} in {'1 module' if modules == 1 else f'{modules} modules'}, {duration(plan.seconds)}"


def _migration(number: str, planned: PlannedMigration) -> Iterator[str]:
    indent = 2 + len(number)
    risk = "no risk" if planned.risk == "none" else f"{planned.risk} risk"
    parts = [planned.phase, risk, duration(planned.seconds)]
    if not planned.one:
        parts.append("statement by statement")
    if planned.may_block is not None:
        parts.append(f"may block for {planned.may_block:g} s")
    if planned.resumes:
        parts.append("was interrupted, goes on")
    yield from _wrap(f"{number}{planned.id}  {', '.join(parts)}", 2, indent)
    yield from _wrap(f"because {'; '.join(planned.causes)}", indent, indent + 8)
    if planned.phase == "contract":
        yield from _wrap(f"contract: {'; '.join(planned.reasons)}", indent, indent + 10)
    yield from _statements(planned, indent)
    for each in planned.first:
        yield from _wrap(f"first: {each}", indent, indent + 7)


def _statements(planned: PlannedMigration, indent: int) -> Iterator[str]:
    """Those that have an effect; the others are counted where they are many."""
    all_told = len(planned.statements) <= MOST
    told = [each for each in planned.statements if all_told or each.effects]
    width = max((len(str(each.line)) for each in told), default=1)
    for each in told:
        place = f"line {each.line:>{width}}  "
        yield _cut(f"{' ' * indent}{place}{each.head}{_manner(each)}")
        for effect in each.effects:
            yield from _wrap(_effect(effect, each), indent + len(place), indent + len(place) + 2)
    folded = len(planned.statements) - len(told)
    if folded:
        yield f"{' ' * indent}and {folded} more that touch nothing that was there before"


def _manner(statement: PlannedStatement) -> str:
    return f"  ({statement.batch:,} rows at a time)" if statement.batch else ""


def _effect(effect: Effect, statement: PlannedStatement) -> str:
    if effect.table == UNKNOWN:
        return effect.why
    facts = statement.tables.get(effect.table)
    known = f"{size(facts.bytes)}, {rows(facts.rows)}" if facts else "its size is not known"
    told = f"{effect.lock.title} on {effect.table}, blocks {effect.lock.blocks}: {effect.why}"
    if effect.work:
        return f"{told}; {_WORK[effect.work]} {effect.table}: {known}, {duration(statement.seconds)}"
    return f"{told}; destroys data: {known}" if effect.destroys and facts else told


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..."


def _wrap(text: str, first: int, rest: int) -> list[str]:
    lines = textwrap.wrap(
        text, WIDTH, initial_indent=" " * first, subsequent_indent=" " * rest, break_on_hyphens=False
    )
    return lines or [""]
