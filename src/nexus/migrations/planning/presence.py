"""Tables of other modules that a pending migration counts on and that are nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nexus.migrations.effects.effect import Living, Table
from nexus.migrations.history.state import History
from nexus.migrations.planning.edges import did_you_mean
from nexus.migrations.planning.objects import Object
from nexus.migrations.planning.planned import Refusal
from nexus.migrations.planning.touched import Touched, touched


def absent(histories: Mapping[str, History], living: Living) -> Iterator[Refusal]:
    """A refusal for each. Nothing is told of a database that is not known, nor of schemas that a module's own
    command brings up to date.

    Raises:
        MigrationUnreadable: a script cannot be read.
    """
    schemas = {
        history.source.schema: module
        for module, history in histories.items()
        if history.source.format != "command"
    }
    known = {module: list(_touches(history, set(schemas))) for module, history in histories.items()}
    foreign = [
        (module, name, each, line)
        for module, touches in known.items()
        for name, touch in touches
        for each, line in sorted(touch.there.items())
        if schemas.get(each.schema, module) != module and _unseen(each, living)
    ]
    if not living.tables or not foreign:
        return
    made = {
        each
        for module, history in histories.items()
        for migration in history.pending
        for each in touched(migration, history.source.schema).made
    }
    for module, name, each, line in foreign:
        if each in made:
            continue
        migration = next(one for one in histories[module].pending if one.name == name)
        names = [table.name for table in living.tables if table.schema == each.schema]
        names += [one.name for one in made if one.schema == each.schema and not one.column]
        yield Refusal(
            "missing",
            f"{module}/{name}",
            f"{migration.place}:{line}: it names {each}, which is neither in the database nor made by what "
            f"is pending{did_you_mean(each.name, names)}",
            f"correct the name, or add the migration of {schemas[each.schema]} that makes it",
        )


def _touches(history: History, schemas: set[str]) -> Iterator[tuple[str, Touched]]:
    """Of the migrations that name another module's schema at all."""
    others = schemas - {history.source.schema}
    for migration in history.pending:
        text = migration.sql.lower()
        if any(each in text for each in others):
            yield migration.name, touched(migration, history.source.schema)


def _unseen(told: Object, living: Living) -> bool:
    table = Table(told.schema, told.name)
    return table not in living.tables and table not in living.indexes and table not in living.sequences
