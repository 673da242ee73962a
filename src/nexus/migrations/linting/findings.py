"""All findings of some migrations, in the order of their files and lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pglast.parser import scan

from nexus.migrations.effects.effect import Living
from nexus.migrations.linting.allowed import allowed
from nexus.migrations.linting.case import Case, File, cases_of
from nexus.migrations.linting.finding import Finding, Level
from nexus.migrations.linting.hit import Hit, Known
from nexus.migrations.linting.moot import MOOT, NARROWING, ONLY_OURS, OURS, STYLE, WAITS, WEIGHED
from nexus.migrations.linting.rewrites.table import rewrite
from nexus.migrations.linting.rules import FILE_RULES, RULES
from nexus.migrations.linting.said import said
from nexus.migrations.linting.squawk import Told, squawk
from nexus.migrations.linting.squawk_words import SQUAWK_PT_BR
from nexus.migrations.linting.weighing import weigh
from nexus.migrations.migration import Migration, Source
from nexus.migrations.planning.planned import Rates
from nexus.migrations.readers import Reader

_HARMLESS = "nothing that is there before is worked through, locked for long, or lost"
_NEW = "it is about what the same migrations make"
_CONTRACT = "its migration says that it is a contract: it waits until nothing runs that needs what it takes"
_OPENS, _CLOSES, _COMMA = (
    ("ASCII_40", "ASCII_91"),
    ("ASCII_41", "ASCII_93"),
    "ASCII_44",
)  # ( [, ) ], the comma
_ORDER: dict[Level, int] = {"error": 0, "warning": 1, "note": 2}


def lint(
    files: Sequence[tuple[Source | None, Migration]],
    living: Living | None,
    readers: Sequence[Reader],
    *,
    aside: bool = False,
    rates: Rates | None = None,
    language: str = "en",
) -> tuple[Finding, ...]:
    """What of these migrations will hurt, each with the safe SQL, by file and line.

    Args:
        files: in the order in which they are applied; the source of one is None where nobody owns it.
        living: the database that they are for; None: sizes are not known, and what hurts is a warning.
        readers: who reads which columns; `readers_of` of the stack.
        aside: also what was set aside, as notes with the reason.
        rates: how fast the machine works.
        language: of the sentences, `en` or `pt-BR`.

    Raises:
        MigrationUnreadable: a script cannot be read, or allows something without a reason.
        SquawkError: squawk is not there, or does not work.
    """
    known = Known(living, readers, language)
    judged = cases_of(files, living)
    version = living.version if living else 180000
    told = squawk([file.migration.sql for file, _ in judged], version)
    found: list[Finding] = []
    for number, (file, cases) in enumerate(judged):
        here = [each for each in told if each.file == number]
        found += _of_file(file, cases, here, known, rates or Rates())
    return tuple(each for each in found if aside or not each.aside)


def _of_file(
    file: File, cases: Sequence[Case], told: Sequence[Told], known: Known, rates: Rates
) -> Iterator[Finding]:
    permitted = {
        each.number: allowed(file.before(each), f"{each.place}:{each.line}") for each in file.statements
    }
    ours = list(_ours(cases, known, rates))
    rules: dict[int, set[str]] = {}
    for number, finding in ours:
        rules.setdefault(number, set()).add(finding.rule)
    theirs = list(_theirs(file, cases, told, rules, known, rates))
    both = [(number, _also(finding, number, told, file)) for number, finding in ours] + theirs
    for number, finding in sorted(dict.fromkeys(both), key=_place):
        names = (finding.rule, *finding.also)
        reason = next((permitted[number][each] for each in names if each in permitted[number]), "")
        yield replace(finding, level="note", aside=_allowed(reason, known)) if reason else finding


def _allowed(reason: str, known: Known) -> str:
    return said("its author allows it: {reason}", reason=reason).told(known.language)


def _ours(cases: Sequence[Case], known: Known, rates: Rates) -> Iterator[tuple[int, Finding]]:
    hits = [hit for case in cases for rule in RULES for hit in rule(case, known)]
    hits += [hit for rule in FILE_RULES for hit in rule(cases, known)]
    for hit in hits:
        finding = _weighed(hit, known, rates)
        if finding is not None:
            yield hit.case.statement.number, finding


def _weighed(hit: Hit, known: Known, rates: Rates) -> Finding | None:
    level, living = hit.level, hit.living
    if level is None:
        weight = weigh(hit.case.effects, known.living, rates)
        if weight is None:
            return None
        level, living = weight
    case = hit.case
    return Finding(
        hit.rule,
        level,
        case.file.migration.place,
        case.statement.line,
        hit.sentence.told(known.language),
        hit.rewrite,
        living.told(known.language) if living else "",
    )


def _theirs(
    file: File,
    cases: Sequence[Case],
    told: Sequence[Told],
    ours: dict[int, set[str]],
    known: Known,
    rates: Rates,
) -> Iterator[tuple[int, Finding]]:
    """What squawk alone says; what Nexus makes moot, or ours tell already, is set aside with why."""
    places: dict[str, list[int]] = {}
    seen: set[tuple[int, str, str]] = set()
    for each in told:
        case = _case_at(file, cases, each)
        if case is None:
            continue
        number = case.statement.number
        if each.rule in MOOT:
            places.setdefault(each.rule, []).append(case.statement.line)
        elif not ours.get(number, set()) & set(OURS.get(each.rule, ())):
            finding = _of_squawk(each, case, known, rates)
            if (number, each.rule, finding.rewrite) not in seen:
                seen.add((number, each.rule, finding.rewrite))
                yield number, finding
    for rule, lines in places.items():
        text = "{count} times: squawk asks for it" if len(lines) > 1 else "squawk asks for it"
        sentence = said(text, count=len(lines)).told(known.language)
        yield (
            file.statements[0].number,
            Finding(
                rule,
                "note",
                file.migration.place,
                lines[0],
                sentence,
                aside=said(MOOT[rule]).told(known.language),
            ),
        )


def _of_squawk(told: Told, case: Case, known: Known, rates: Rates) -> Finding:
    sentence = f"{told.message} {told.help}".strip()
    if known.language == "pt-BR":
        sentence = SQUAWK_PT_BR.get(told.rule, sentence)
    script = case.file.migration
    line = 1 + script.sql.count("\n", 0, max(told.at, case.file.begins[case.statement.number - 1]))
    finding = Finding(told.rule, "warning", script.place, line, sentence)
    if told.rule in ONLY_OURS or (told.rule in NARROWING and not case.narrows):
        return replace(finding, level="note", aside=said(_HARMLESS).told(known.language))
    if getattr(case.tree, "relation", None) is not None and case.new and told.rule not in STYLE:
        return replace(finding, level="note", aside=said(_NEW).told(known.language))
    if told.rule in WAITS and case.file.declared.phase == "contract":
        return replace(finding, level="note", aside=said(_CONTRACT).told(known.language))
    made = rewrite(told.rule, case, known, told.message)
    if told.rule in STYLE:
        return replace(finding, level="note", rewrite=made)
    if told.rule in WEIGHED:
        weight = weigh(case.effects, known.living, rates)
        if weight is None and known.living is not None:
            return replace(finding, level="note", aside=said(_HARMLESS).told(known.language))
        if weight is not None:
            return replace(
                finding, level=weight.level, living=weight.living.told(known.language), rewrite=made
            )
    return replace(finding, rewrite=made)


def _case_at(file: File, cases: Sequence[Case], told: Told) -> Case | None:
    """The statement that squawk speaks of; of an ALTER TABLE the command."""
    number = 0
    for statement, begin in zip(file.statements, file.begins, strict=True):
        if begin <= told.at:
            number = statement.number
    found = [case for case in cases if case.statement.number == max(number, 1)]
    within = told.at - file.begins[max(number, 1) - 1]
    placed = [case for case in found if case.command is not None and _begin(case) <= within]
    return placed[-1] if placed else found[0] if found else None


def _begin(case: Case) -> int:
    """Where a command begins in its statement: after a comma in no parentheses; the tree does not say."""
    commas, depth = [0], 0
    for token in scan(case.statement.sql):
        depth += (token.name in _OPENS) - (token.name in _CLOSES)
        if token.name == _COMMA and depth == 0:
            commas.append(token.start)
    tree = case.statement.tree
    position = next((n for n, each in enumerate(tree.cmds) if each is case.command), 0)
    return commas[position] if position < len(commas) else 0


def _also(finding: Finding, number: int, told: Sequence[Told], file: File) -> Finding:
    """The names that squawk has for the same."""
    begin = file.begins[number - 1]
    end = begin + len(file.statements[number - 1].sql)
    names = {
        each.rule for each in told if begin <= each.at <= end and finding.rule in OURS.get(each.rule, ())
    }
    return replace(finding, also=tuple(sorted(names)))


def _place(found: tuple[int, Finding]) -> tuple[int, int, int]:
    number, finding = found
    return finding.line, _ORDER[finding.level], number
