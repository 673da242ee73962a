"""A plan of migrations as people read it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator

from nexus.migrations.effects.effect import UNKNOWN, Effect
from nexus.migrations.planning.planned import MigrationPlan, PlannedMigration, PlannedStatement
from nexus.migrations.planning.sizes import duration, rows, size

WIDTH = 110
Translate = Callable[..., str]  # a text and its values → the text in the reader's language
MOST = 12  # statements without any effect are folded behind so many
_WORK = {  # kind of work → what is said of it
    "scan": "scans {table}: {known}, {time}",
    "rewrite": "rewrites {table}: {known}, {time}",
    "index": "indexes {table}: {known}, {time}",
    "write": "writes rows of {table}: {known}, {time}",
}
_RISKS = {"none": "no risk", "low": "low risk", "medium": "medium risk", "high": "high risk"}
_SIGNS = "5,000.5"  # how the reader's language writes numbers


def english(text: str, **values: object) -> str:
    """The text with its values."""
    return text.format(**values) if values else text


def printed(plan: MigrationPlan, t: Translate = english) -> str:
    """Numbered migrations, each with why, its statements and what must be true first; then what waits, and
    what stands in the way. What is said of single statements and causes is English.
    """
    return "\n".join(_lines(plan, t))


def _lines(plan: MigrationPlan, t: Translate) -> Iterator[str]:
    yield t("migrate: {total}", total=_total(plan, t))
    for note in plan.notes:
        yield from _wrap(t("note: {what}", what=t(note)), 2, 8)
    width = len(str(len(plan.steps)))
    for number, each in enumerate(plan.steps, 1):
        yield ""
        yield from _migration(f"{number:>{width}}. ", each, t)
    for source in plan.commands:
        yield ""
        command = " ".join(source.command)
        text = t(
            "{module}: brought up to date by its own command: {command}",
            module=source.module,
            command=command,
        )
        yield from _wrap(text, 2, 4)
    if plan.later:
        yield ""
        yield t("later:")
        for each, sentence in plan.later:
            yield from _wrap(f"{each.id} ({t(each.phase)}): {sentence}", 2, 4)
    if plan.refusals:
        yield ""
        yield t("refused:")
        for refusal in plan.refusals:
            code = f" [{refusal.code}]" if refusal.code else ""
            about = f"{refusal.about}: " if refusal.about else ""
            yield from _wrap(f"{t(refusal.kind)}{code}: {about}{t(refusal.sentence)}", 2, 4)
            yield from _wrap(t("mend: {mend}", mend=t(refusal.mend)), 4, 10)


def _total(plan: MigrationPlan, t: Translate) -> str:
    if not plan.steps:
        waits = t(", {count} waiting for a release", count=len(plan.later)) if plan.later else ""
        return t("nothing to apply{waits}", waits=waits)
    modules = len({each.source.module for each in plan.steps})
    return t(
        "{migrations} in {modules}, {time}",
        migrations=_count(len(plan.steps), "1 migration", "{count} migrations", t),
        modules=_count(modules, "1 module", "{count} modules", t),
        time=_figure(duration(plan.seconds), t),
    )


def _count(number: int, one: str, many: str, t: Translate) -> str:
    return t(one) if number == 1 else t(many, count=number)


def _migration(number: str, planned: PlannedMigration, t: Translate) -> Iterator[str]:
    indent = 2 + len(number)
    risk = t(_RISKS[planned.risk])
    parts = [t(planned.phase), risk, _figure(duration(planned.seconds), t)]
    if not planned.one:
        parts.append(t("statement by statement"))
    if planned.may_block is not None:
        parts.append(t("may block for {seconds} s", seconds=f"{planned.may_block:g}"))
    if planned.resumes:
        parts.append(t("was interrupted, goes on"))
    yield from _wrap(f"{number}{planned.id}  {', '.join(parts)}", 2, indent)
    yield from _wrap(t("because {causes}", causes="; ".join(planned.causes)), indent, indent + 8)
    if planned.phase == "contract":
        yield from _wrap(f"{t('contract')}: {'; '.join(planned.reasons)}", indent, indent + 10)
    yield from _statements(planned, indent, t)
    for each in planned.first:
        yield from _wrap(t("first: {need}", need=each), indent, indent + 7)


def _statements(planned: PlannedMigration, indent: int, t: Translate) -> Iterator[str]:
    """Those that have an effect; the others are counted where they are many."""
    all_told = len(planned.statements) <= MOST
    told = [each for each in planned.statements if all_told or each.effects]
    width = max((len(str(each.line)) for each in told), default=1)
    for each in told:
        place = f"{t('line')} {each.line:>{width}}  "
        yield _cut(f"{' ' * indent}{place}{each.head}{_manner(each, t)}")
        for effect in each.effects:
            yield from _wrap(_effect(effect, each, t), indent + len(place), indent + len(place) + 2)
    folded = len(planned.statements) - len(told)
    if folded:
        yield " " * indent + t("and {count} more that touch nothing that was there before", count=folded)


def _manner(statement: PlannedStatement, t: Translate) -> str:
    if not statement.batch:
        return ""
    return "  " + t("({rows} rows at a time)", rows=_figure(f"{statement.batch:,}", t))


def _effect(effect: Effect, statement: PlannedStatement, t: Translate) -> str:
    if effect.table == UNKNOWN:
        return effect.why
    facts = statement.tables.get(effect.table)
    known = t("its size is not known")
    if facts:
        known = f"{_figure(size(facts.bytes), t)}, {_figure(rows(facts.rows), t)}"
    told = t(
        "{lock} on {table}, blocks {whom}: {why}",
        lock=effect.lock.title,
        table=effect.table,
        whom=t(effect.lock.blocks),
        why=effect.why,
    )
    if effect.work:
        time = _figure(duration(statement.seconds), t)
        return f"{told}; {t(_WORK[effect.work], table=effect.table, known=known, time=time)}"
    return f"{told}; {t('destroys data: {known}', known=known)}" if effect.destroys and facts else told


def _figure(text: str, t: Translate) -> str:
    """A size, a count or a time with the signs of the reader's language, and its words."""
    comma, point = t(_SIGNS)[1], t(_SIGNS)[5]
    number = re.compile(r"\d[\d,.]*")
    found = number.search(text)
    if found is None:
        return t(text)
    told = "".join({",": comma, ".": point}.get(sign, sign) for sign in found[0])
    before, after = text[: found.start()], text[found.end() :]
    return f"{before}{told}{t(after)}"


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..."


def _wrap(text: str, first: int, rest: int) -> list[str]:
    lines = textwrap.wrap(
        text, WIDTH, initial_indent=" " * first, subsequent_indent=" " * rest, break_on_hyphens=False
    )
    return lines or [""]
