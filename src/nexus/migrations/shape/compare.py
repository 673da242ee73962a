"""Two shapes compared: what tells them apart, and the statements that make the second of the first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Literal, NamedTuple

from nexus.migrations.shape.change import Changes
from nexus.migrations.shape.difference import Difference, Step
from nexus.migrations.shape.order import ordered
from nexus.migrations.shape.sentences import sentence
from nexus.migrations.shape.thing import KINDS, Key, Shape, Thing
from nexus.migrations.shape.writing.belongings import belongings
from nexus.migrations.shape.writing.create import create, finish
from nexus.migrations.shape.writing.drop import drop, lost

_NAMED = frozenset({"table", "view", "materialized view", "sequence", "index", "constraint", "type"})
_STRUCTURE = frozenset({"table", "column", "type", "sequence", "function", "schema", "extension"})


class _Task(NamedTuple):
    do: Literal["drop", "alter", "make", "finish"]
    key: Key


def compare(have: Shape, want: Shape) -> tuple[Difference, ...]:
    """What tells `have` from `want`, each with its SQL; `in_order` of it makes `want` of `have`.

    The statements are a superuser's. What depends on a changed object is dropped and made again around it;
    nothing is dropped with CASCADE. The order of columns is no difference.
    """
    return _Comparison(Changes.between(have, want)).differences()


class _Comparison:
    def __init__(self, changes: Changes) -> None:
        self.changes, self.have, self.want = changes, changes.have.things, changes.want.things

    def differences(self) -> tuple[Difference, ...]:
        steps: dict[Key, list[Step]] = defaultdict(list)
        for key in (*self.changes.dropped, *self.changes.made, *self.changes.altered):
            steps[self._home(key)] = []
        number = 0
        for task in self._ordered():
            for sql, destroys in self._sql(task):
                number += 1
                steps[self._home(task.key)].append(Step(number, sql, task.key, destroys))
        found = [
            Difference(
                key, self._what(key), sentence(key, self._former(key), self.want.get(key)), tuple(told)
            )
            for key, told in steps.items()
        ]
        return tuple(sorted(found, key=lambda each: (each.steps[0].order if each.steps else 0, each.key)))

    def _former(self, key: Key) -> Thing | None:
        return self.have.get(self.changes.renamed.get(key, key))

    def _what(self, key: Key) -> Literal["missing", "extra", "changed"]:
        if key in self.changes.renamed:
            return "changed"
        return "missing" if key not in self.have else "extra" if key not in self.want else "changed"

    def _home(self, key: Key) -> Key:
        """The difference that a statement belongs to: of what is made or dropped whole, the whole."""
        cause = self.changes.rebuilt.get(key, key)
        if cause != key:
            return self._home(cause)
        things = self.have if key in self.changes.dropped else self.want
        within = things[key].within
        if within is None or self._what(key) == "changed" or within not in things:
            return key
        return self._home(within) if self._what(within) == self._what(key) else key

    def _ordered(self) -> list[_Task]:
        tasks = {self._dropping(key) for key in (*self.changes.dropped, *self.changes.rebuilt)}
        tasks |= {self._making(key) for key in (*self.changes.made, *self.changes.rebuilt)}
        tasks |= {_Task("alter", key) for key in self.changes.altered}
        tasks |= {_Task("finish", task.key) for task in set(tasks) if task.do in ("alter", "make")}
        return ordered(tasks, self._before(tasks), self._rank)

    def _rank(self, task: _Task) -> tuple[int, int, int, int, Key]:
        late = task.do == "drop" and task.key.kind in _STRUCTURE and task.key not in self.changes.rebuilt
        stage = 3 if late else {"drop": 0, "alter": 1, "make": 1, "finish": 2}[task.do]
        kind = KINDS.index(task.key.kind)
        thing = self.want.get(task.key) or self.have[task.key]
        return (
            stage,
            -kind if task.do == "drop" else kind,
            thing.at,
            ("drop", "alter", "make", "finish").index(task.do),
            task.key,
        )

    def _before(self, tasks: set[_Task]) -> Iterator[tuple[_Task, _Task]]:
        changes = self.changes
        for key in (*changes.made, *changes.rebuilt, *changes.altered):
            mine = self._making(key) if changes.comes(key) else _Task("alter", key)
            for needed in self.want[key].needs:
                yield self._making(needed) if changes.comes(needed) else _Task("alter", needed), mine
        for key in (*changes.dropped, *changes.rebuilt, *changes.altered):
            mine = self._dropping(key) if changes.gone(key) else _Task("alter", key)
            for each in changes.dependents[key]:
                if changes.gone(each):
                    yield self._dropping(each), mine
                elif changes.gone(key):
                    yield _Task("alter", each), mine
        for key in changes.rebuilt:
            yield self._dropping(key), self._making(key)
        yield from self._names()
        yield from self._swaps()
        made = [task for task in tasks if task.do in ("make", "alter")]
        by_table: dict[tuple[str, str], list[_Task]] = defaultdict(list)
        for task in made:
            by_table[task.key.schema, task.key.table or task.key.name].append(task)
        for task in tasks:
            if task.do == "finish":
                column = self.want[task.key].within
                own = [] if column is None else [self._making(column), _Task("alter", column)]
                table = by_table[task.key.schema, task.key.table or task.key.name]
                yield from ((each, task) for each in (*own, *table))

    def _swaps(self) -> Iterator[tuple[_Task, _Task]]:
        """What hangs on the columns of a type is away while the type changes under them."""
        for key, alteration in self.changes.altered.items():
            if key.kind != "type" or not alteration.disturbs:
                continue
            mine = _Task("alter", key)
            for user in self.changes.users(key):
                for each in self.changes.dependents[user.key]:
                    if self.changes.gone(each):
                        yield self._dropping(each), mine
                    if self.changes.comes(each):
                        yield mine, self._making(each)

    def _names(self) -> Iterator[tuple[_Task, _Task]]:
        """A name is free when what had it is gone."""
        takers: dict[tuple[str, str], list[Key]] = defaultdict(list)
        for key in (*self.changes.made, *self.changes.rebuilt):
            if key.kind in _NAMED:
                takers[key.schema, key.name].append(key)
        for key in self.changes.dropped:
            if key.kind in _NAMED:
                for taker in takers[key.schema, key.name]:
                    yield self._dropping(key), self._making(taker)
                for after in self.changes.renamed:
                    if (after.schema, after.name) == (key.schema, key.name):
                        yield self._dropping(key), _Task("alter", after)
        for after, before in self.changes.renamed.items():
            for taker in takers[before.schema, before.name]:
                yield _Task("alter", after), self._making(taker)

    def _dropping(self, key: Key) -> _Task:
        """The task that drops it: that of what takes it along. A foreign key may have to go before that."""
        thing = self.have[key]
        holder = thing.within
        if holder is None or not self.changes.gone(holder):
            return _Task("drop", key)
        if thing.facts.get("definition", "").startswith("FOREIGN KEY") and any(
            self.changes.gone(each) and each.kind == "column" and each.table != key.table
            for each in thing.needs
        ):
            return _Task("drop", key)
        if key.kind in ("index", "constraint", "statistics") and holder.kind != "table":
            return _Task("drop", key) if holder.kind == "column" else self._dropping(holder)
        return self._dropping(holder)

    def _making(self, key: Key) -> _Task:
        """The task that makes it: a table's for its columns, a column's for its default."""
        holder = self.want[key].within
        if key.kind in ("column", "default") and holder and self.changes.comes(holder):
            return self._making(holder)
        return _Task("make", key)

    def _sql(self, task: _Task) -> Iterator[tuple[str, str]]:
        key = task.key
        match task.do:
            case "drop":
                thing = self.have[key]
                kept = key in self.changes.rebuilt and key.kind not in ("table", "column")
                *first, last = drop(thing) or ("",)
                yield from ((each, "") for each in first)
                if last:
                    yield last, "" if kept else lost(thing)
            case "make":
                yield from ((each, "") for each in create(self.want[key], self.changes.want))
            case "alter":
                alteration = self.changes.altered[key]
                anew = key.kind == "type" and alteration.disturbs  # made by a superuser under the old name
                former = None if anew else self._former(key)
                told = (*alteration.sql, *belongings(former, self.want[key]))
                yield from (
                    (each, alteration.destroys if each in alteration.sql[:1] else "") for each in told
                )
            case "finish":
                before = self.have.get(key)
                same = (
                    task.key in self.changes.altered and before and finish(before) == finish(self.want[key])
                )
                yield from ((each, "") for each in (() if same else finish(self.want[key])))
