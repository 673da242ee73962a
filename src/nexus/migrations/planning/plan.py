"""The plan of migrations over all modules: what would be applied, in which order, and what stands in the way.

Pure: facts in, plan out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from nexus.migrations.declared import declared
from nexus.migrations.effects.effect import Table
from nexus.migrations.history.state import History
from nexus.migrations.migration import Source
from nexus.migrations.phase import phases_of
from nexus.migrations.planning.choosing import chosen
from nexus.migrations.planning.edges import DependencyMissing, Edge, edges
from nexus.migrations.planning.judging import before_of, causes_of, judged, left_by
from nexus.migrations.planning.order import Circle, heeded, ordered
from nexus.migrations.planning.planned import MigrationFacts, MigrationPlan, PlannedMigration, Refusal
from nexus.migrations.planning.presence import absent
from nexus.migrations.planning.waiting import Wait, unknown, waits


def plan(facts: MigrationFacts, to: Mapping[str, str] = {}) -> MigrationPlan:
    """What would be applied now, what waits for a release, and what stands in the way.

    `to`: module → the last migration of it that is asked for; one that has to wait is then refused.

    Raises:
        PlanRefused: `to` names what is not there.
        MigrationUnreadable: a script or its declarations cannot be read.
    """
    commands = tuple(_commands(facts.histories))
    told = tuple(_broken(facts.histories))
    try:
        within = chosen(facts.histories, to)
        among = edges(within)
        kept = heeded(within, among)
        order = ordered(within, kept)
    except DependencyMissing as error:
        return MigrationPlan(refusals=(*told, _missing(error)), commands=commands)
    except Circle as error:
        return MigrationPlan(refusals=(*told, _circle(error)), commands=commands)
    made: set[Table] = set()
    ending = _by_end(kept)
    phases = {
        module: phases_of(history.migrations, {each.name for each in history.pending})
        for module, history in within.items()
    }
    planned, living = [], facts.living
    for module, migration in order:
        history, phase = within[module], phases[module][migration.name]
        known = replace(facts, living=living)
        waits_for = ending.get(f"{module}/{migration.name}", ())
        planned.append(judged(history, migration, known, phase, waits_for, made))
        living = left_by(history, migration, living)
    needs = {each.id: declared(each.migration).after for each in planned}
    waiting = waits(planned, needs, facts.running, kept)
    steps = tuple(_now(each, ending.get(each.id, ()), waiting) for each in planned if each.id not in waiting)
    later = tuple((each, waiting[each.id].sentence) for each in planned if each.id in waiting)
    refusals = [
        *told,
        *_asked(later, waiting, to),
        *unknown(planned, needs, facts.modules),
        *absent(within, facts.living),
        *_taken_too_early(among, [each.id for each in planned]),
    ]
    if steps:
        refusals += _unrehearsed(facts)
    return MigrationPlan(steps, tuple(refusals), later, tuple(_notes(steps, facts)), commands)


def _commands(histories: Mapping[str, History]) -> Iterator[Source]:
    for _, history in sorted(histories.items()):
        if history.source.format == "command":
            yield history.source


def _broken(histories: Mapping[str, History]) -> Iterator[Refusal]:
    for module, history in sorted(histories.items()):
        for each in history.obstacles:
            about = f"{module}/{each.migration}" if each.migration else module
            yield Refusal("history", about, each.sentence, each.mend, each.code)


def _missing(error: DependencyMissing) -> Refusal:
    return Refusal("missing", error.about, error.sentence, error.mend)


def _circle(error: Circle) -> Refusal:
    return Refusal("circle", error.around[0], error.sentence, error.mend)


def _by_end(among: Iterable[Edge]) -> dict[str, list[Edge]]:
    found: dict[str, list[Edge]] = {}
    for each in among:
        found.setdefault(each.after, []).append(each)
    return found


def _now(planned: PlannedMigration, edges: Iterable[Edge], waiting: Mapping[str, Wait]) -> PlannedMigration:
    """A step without the wishes that it come after what waits."""
    told = [each for each in edges if each.before not in waiting]
    return replace(planned, causes=causes_of(planned.source.module, told), after=before_of(told))


def _asked(
    later: Sequence[tuple[PlannedMigration, str]], waiting: Mapping[str, Wait], to: Mapping[str, str]
) -> Iterator[Refusal]:
    """What was asked for by name and has to wait."""
    for each, sentence in later:
        if each.source.module in to:
            kind = waiting[each.id].kind
            yield Refusal(
                "contract" if kind == "contract" else "release", each.id, sentence, waiting[each.id].mend
            )


def _taken_too_early(among: Iterable[Edge], order: Sequence[str]) -> Iterator[Refusal]:
    """What a migration names is taken away by one of another module that comes before it."""
    place = {id: number for number, id in enumerate(order)}
    seen: set[tuple[str, str]] = set()
    for each in among:
        reader, taker = each.before, each.after
        if not each.removal or place[reader] < place[taker] or (reader, taker) in seen:
            continue
        seen.add((reader, taker))
        yield Refusal(
            "order",
            reader,
            f"{taker} comes before it, and {each.cause.removeprefix('it ')}",
            f"name it no longer in {reader}, or put what {taker} takes away into a later migration",
        )


def _unrehearsed(facts: MigrationFacts) -> Iterator[Refusal]:
    within = facts.rehearse_within
    if within is None:
        return
    mend = "rehearse it: nexus migrate rehearse"
    if facts.rehearsed_at is None:
        yield Refusal("rehearsal", "", "exactly this plan has not been rehearsed with success", mend)
        return
    age = facts.at - facts.rehearsed_at
    if age > within:
        told = f"its last good rehearsal is {age / 3600:.1f} h old; {within / 3600:.1f} h are allowed"
        yield Refusal("rehearsal", "", told, mend)


def _notes(steps: Sequence[PlannedMigration], facts: MigrationFacts) -> Iterator[str]:
    works = any(
        effect.work for each in steps for statement in each.statements for effect in statement.effects
    )
    if works and not facts.rates.measured:
        yield (
            "times are estimated for a small machine with a network disk; `nexus migrate rehearse` measures "
            "this one"
        )
    for module, history in sorted(facts.histories.items()):
        for problem in history.problems:
            if problem.kind == "ahead":
                yield f"{module}/{problem.migration}: {problem.sentence}"
