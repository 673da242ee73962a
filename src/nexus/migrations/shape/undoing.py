"""The inverse of a migration, what proves it, and what forbids it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import asyncpg

from nexus.migrations.declared import declared
from nexus.migrations.errors import HistoryBroken
from nexus.migrations.migration import Migration, Source
from nexus.migrations.phase import phase_of, plain_indexes
from nexus.migrations.shape.calls import known_functions
from nexus.migrations.shape.compare import compare
from nexus.migrations.shape.difference import Difference, Step, in_order
from nexus.migrations.shape.losses import RESTORE, Loss, losses, lost, unmeasured
from nexus.migrations.shape.provable import unprovable
from nexus.migrations.shape.read import read_shape
from nexus.migrations.shape.replay import Applied, apply_there, replay
from nexus.migrations.shape.surroundings import Surroundings, make_foreign, surroundings
from nexus.migrations.shape.thing import Key, Shape
from nexus.migrations.shape.uncovered import read_uncovered

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

CONNECT_S = 10.0


@dataclass(frozen=True)
class UndoPlan:
    """How a migration would be taken back. `statements`: in order, in one transaction. `refusals`: why it may
    not be; none when it may. `proof`: what was shown in a shadow database. `losses`: what must not be there.
    `migration`: as it was applied.
    """

    source: Source
    name: str
    statements: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    proof: str = ""
    losses: tuple[Loss, ...] = field(default=(), repr=False)
    migration: Migration | None = field(default=None, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "module": self.source.module,
            "migration": self.name,
            "statements": list(self.statements),
            "refusals": list(self.refusals),
            "proof": self.proof,
        }


async def undo_plan(
    url: str,
    source: Source,
    name: str,
    needed_by: Mapping[str, str] | None = None,
    sources: Sequence[Source] = (),
) -> UndoPlan:
    """How the newest applied migration of a module can be taken back, and why it may not be.

    Args:
        url: a superuser's, of the living database; a shadow is made beside it.
        needed_by: migration → the running release that holds it in its folder.
        sources: of all modules; what the others have applied may depend on it.

    Raises:
        HistoryBroken: it is not applied, or a text that is needed is not known.
        MigrationError: what is applied cannot be applied to an empty database.
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    living = await asyncpg.connect(url, timeout=CONNECT_S)
    try:
        others = [each for each in sources if each.module != source.module]
        around = await surroundings(living, [source, *others])
        for error in around.unreadable.values():
            raise error
        own = next((each for each in around.modules if each.source.module == source.module), None)
        migration = _chosen(own or Applied(source, ()), name)
        assert own is not None  # else nothing was chosen
        rest = [each for each in around.modules if each is not own]
        refusals = tuple(_forbidden(own, migration, needed_by or {}, rest))
        plan = UndoPlan(source, name, refusals=refusals, migration=migration)
        return plan if refusals else await _proven(url, living, plan, around, migration)
    finally:
        await living.close()


def _chosen(own: Applied, name: str) -> Migration:
    found = next((each for each in own.migrations if each.name == name), None)
    if found is None:
        raise HistoryBroken(
            f"{own.source.module}: migration {name} is not applied; there is nothing to take back", "P3011"
        )
    return found


def _forbidden(
    own: Applied, migration: Migration, needed_by: Mapping[str, str], rest: Sequence[Applied]
) -> Iterator[str]:
    """What needs no database to be seen."""
    names = [each.name for each in own.migrations]
    newer = names[names.index(migration.name) + 1 :]
    if newer:
        yield f"{', '.join(reversed(newer))} came after it; take back the newest first"
    if migration.name in needed_by:
        yield f"{needed_by[migration.name]} runs and needs it; roll that release back first"
    phase = phase_of(migration, plain_indexes(own.migrations))
    if phase.name == "contract":
        yield f"it contracts ({phase.sentence}), and only what expands can be taken back; {RESTORE}"
    for other in rest:
        for each in other.migrations:
            for told in declared(each).depends:
                if (told.module, told.migration) == (own.source.module, migration.name):
                    yield f"{other.source.module}/{each.name} is applied and depends on it"


async def _proven(
    url: str, living: Connection, plan: UndoPlan, around: Surroundings, migration: Migration
) -> UndoPlan:
    source = plan.source
    schemas = [each.source.schema for each in around.modules]
    before = [
        replace(each, migrations=each.migrations[:-1]) if each.source.module == source.module else each
        for each in around.modules
    ]
    async with around.shadow(url) as beside:
        await make_foreign(beside, around.foreign)
        for error in (await replay(beside, before)).values():
            if isinstance(error, HistoryBroken):
                raise error
            return replace(plan, refusals=(f"without it the others cannot be applied: {error}",))
        without, others = await _shape(beside, schemas)
        await apply_there(beside, source, (migration,))
        with_it, _ = await _shape(beside, schemas)
        differences = compare(with_it, without)
        steps = in_order(differences)
        wrong = await _execute(beside, steps)
        after, more = await _shape(beside, schemas)
    left = () if wrong else [f"its inverse leaves that {each.sentence}" for each in compare(after, without)]
    reasons = [wrong] if wrong else [*left, *(f"its inverse leaves {key} changed" for key in more ^ others)]
    reasons += list(unprovable(migration, await known_functions(living, with_it)))
    reasons += [
        f"it destroyed {step.destroys}; {RESTORE}"
        for step in in_order(compare(without, with_it))
        if step.destroys and step.about in with_it.things
    ]
    reasons += _elsewhere(source, differences)
    reasons += unmeasured(steps, with_it)
    reasons += _drifted(await read_shape(living, schemas), with_it, differences)
    found = losses(steps, with_it)
    statements = tuple(each.sql for each in steps)
    done = f"after {plan.name} and these statements the schema is what it was before"
    proof = f"proven in a shadow database: {done}"
    if reasons:
        return replace(plan, statements=statements, refusals=tuple(reasons), losses=found)
    gone = await lost(living, found)
    return replace(plan, statements=statements, refusals=gone, proof=proof, losses=found)


async def _execute(url: str, steps: Sequence[Step]) -> str:
    """Execute statements; why one was refused, "" when none was."""
    connection = await asyncpg.connect(url, timeout=CONNECT_S)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL search_path = ''; SET LOCAL check_function_bodies = off")
            for each in steps:
                try:
                    await connection.execute(each.sql)
                except asyncpg.PostgresError as error:
                    return f"no inverse is known: {each.sql.splitlines()[0]} is refused ({error})"
    finally:
        await connection.close()
    return ""


async def _shape(url: str, schemas: Sequence[str]) -> tuple[Shape, frozenset[Key]]:
    connection = await asyncpg.connect(url, timeout=CONNECT_S)
    try:
        return await read_shape(connection, schemas), await read_uncovered(connection)
    finally:
        await connection.close()


def _elsewhere(source: Source, differences: Sequence[Difference]) -> list[str]:
    foreign = sorted({str(each.key) for each in differences if each.key.schema != source.schema})
    return [f"it changed what is not its module's: {', '.join(foreign)}"] if foreign else []


def _drifted(living: Shape, expected: Shape, differences: Sequence[Difference]) -> list[str]:
    """The inverse is proven on what migrations make: what it touches must be so in the living database."""
    touched = {step.about for each in differences for step in each.steps} | {each.key for each in differences}
    touched |= {within for key in touched if (within := _holder(expected, living, key))}
    dependents = {key for key, thing in living.things.items() if thing.needs & touched or key in touched}
    drifted = sorted(
        key
        for key in dependents | touched
        if (key in living.things) != (key in expected.things)
        or (key in living.things and not living.things[key].same(expected.things[key]))
    )
    return [
        f"{key} is not what the migrations make of it; see nexus migrate drift {key.schema}"
        for key in drifted
    ]


def _holder(expected: Shape, living: Shape, key: Any) -> Any:
    thing = expected.things.get(key) or living.things.get(key)
    return thing.within if thing else None
