"""What must come before what among the pending migrations of all modules, and why."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from nexus.migrations.declared import Dependency, declared
from nexus.migrations.errors import PlanRefused
from nexus.migrations.history.state import History
from nexus.migrations.migration import Migration
from nexus.migrations.planning.objects import Object
from nexus.migrations.planning.touched import Touched, concerns, touched

Force = Literal["chain", "declared", "needed", "body", "wished"]


class DependencyMissing(PlanRefused):
    """A migration depends on one that is neither applied nor pending. `about`: its `module/name`."""

    def __init__(self, about: str, sentence: str, mend: str) -> None:
        super().__init__(f"{sentence}; {mend}")
        self.about, self.sentence, self.mend = about, sentence, mend


@dataclass(frozen=True)
class Edge:
    """`before` and `after` are ids (`module/name`). `cause`: why `after` waits, said of `after`.

    `force`: chain (its module's own order), declared, needed (it names what `before` makes), body (only the
    body of a function of it does), or wished (it names what `before` changes or, the other way round, `after`
    takes away what `before` names): a wish or a body's need that would close a circle is left out.
    """

    before: str
    after: str
    cause: str
    force: Force
    removal: bool = False


def edges(histories: Mapping[str, History]) -> tuple[Edge, ...]:
    """All of them between what is pending.

    Raises:
        DependencyMissing: a declared dependency is nowhere, or left out of what is pending.
        MigrationUnreadable: a script cannot be read.
    """
    found: list[Edge] = []
    for module in sorted(histories):
        pending = histories[module].pending
        for before, after in itertools.pairwise(pending):
            cause = f"it follows {before.name} in {module}"
            found.append(Edge(f"{module}/{before.name}", f"{module}/{after.name}", cause, "chain"))
        for migration in pending:
            found += _declared(module, migration, histories)
    return (*found, *_inferred(histories))


def _declared(module: str, migration: Migration, histories: Mapping[str, History]) -> Iterator[Edge]:
    id = f"{module}/{migration.name}"
    for each in declared(migration).depends:
        history = histories.get(each.module)
        if history is not None and each.migration in history.applied:
            continue
        if history is not None and any(other.name == each.migration for other in history.pending):
            yield Edge(str(each), id, f"it declares that it depends on {each}", "declared")
            continue
        raise DependencyMissing(id, *_missing(migration, each, history, histories))


def _missing(
    migration: Migration, told: Dependency, history: History | None, histories: Mapping[str, History]
) -> tuple[str, str]:
    """What is wrong with a dependency, and how to mend it."""
    it, correct = f"{migration.place}: it depends on {told}", f"correct the line depends={told}"
    if history is None:
        near = did_you_mean(told.module, histories)
        return f"{it}, but there is no module {told.module!r} with migrations{near}", correct
    names = [each.name for each in history.migrations]
    if told.migration in names:
        mend = f"take {told.module} in up to {told.migration}, or leave {migration.name} out"
        return f"{it}, which is neither applied nor part of this plan", mend
    if history.source.format == "command":
        own = f"but {told.module} is migrated by its own command and what that has applied cannot be read"
        return f"{it}, {own}", f"declare after-release={told.module}>=VERSION instead"
    near = did_you_mean(told.migration, [*names, *history.applied])
    folder = history.source.folder
    return f"{it}, but {told.module} has it neither applied nor in {folder}{near}", correct


def did_you_mean(name: str, among: Iterable[str]) -> str:
    """` (did you mean '…'?)`, or nothing where nothing is like it."""
    near = difflib.get_close_matches(name, sorted(set(among)), n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _inferred(histories: Mapping[str, History]) -> Iterator[Edge]:
    """What the statements tell of themselves; only modules that name each other's schemas are looked at."""
    schemas = {module: history.source.schema for module, history in histories.items()}
    readers: dict[str, list[Migration]] = {}
    about: set[str] = set()
    for module, history in histories.items():
        for migration in history.pending:
            text = migration.sql.lower()
            named = {each for each, schema in schemas.items() if each != module and schema in text}
            if named:
                readers.setdefault(module, []).append(migration)
                about |= named | {module}
    known = {
        module: [(each.name, touched(each, schemas[module])) for each in histories[module].pending]
        for module in sorted(about)
    }
    for module in sorted(readers):
        names = {each.name for each in readers[module]}
        for name, reader in known[module]:
            if name in names:
                yield from _edges_of(f"{module}/{name}", schemas[module], reader, module, known)


def _edges_of(
    id: str, schema: str, reader: Touched, module: str, known: Mapping[str, list[tuple[str, Touched]]]
) -> Iterator[Edge]:
    for told in sorted({*reader.named, *reader.bodies}):
        if told in reader.made or told.schema in ("", schema, "pg_catalog"):
            continue
        for other in sorted(known):
            if other != module:
                yield from _edges_to(id, told, reader, other, known[other])


def _edges_to(
    id: str, told: Object, reader: Touched, other: str, chain: list[tuple[str, Touched]]
) -> Iterator[Edge]:
    """The reader comes after what makes and changes an object, and before what takes it away."""
    plain = reader.named.get(told)
    columns = (plain or set()) | reader.bodies.get(told, set())
    need: dict[Object, str] = {}
    newest, removal = "", None
    for name, touch in chain:
        made = sorted(each for each in touch.made if concerns(each, told, columns))
        taken = sorted(each for each in touch.taken if concerns(each, told, columns))
        if made:
            removal = None
            need.update({each: name for each in made if each not in need})
        if told in touch.named and removal is None and not _takes_of(told, touch):
            newest = name
        if taken and removal is None:
            removal = (name, taken[0])
    for each, name in need.items():
        word = "adds" if each.column else "makes"
        force: Force = "body" if plain is None or not concerns(each, told, plain) else "needed"
        yield Edge(f"{other}/{name}", id, f"it names {each}, which {other}/{name} {word}", force)
    if newest and newest not in need.values():
        yield Edge(f"{other}/{newest}", id, f"it names {told}, which {other}/{newest} changes", "wished")
    if removal:
        cause = f"it takes away {removal[1]}, which {id} names"
        yield Edge(id, f"{other}/{removal[0]}", cause, "wished", removal=True)


def _takes_of(told: Object, touch: Touched) -> bool:
    """Whether a migration takes away anything of an object: readers need not wait for its end."""
    return any(each[:3] == told[:3] for each in touch.taken)
