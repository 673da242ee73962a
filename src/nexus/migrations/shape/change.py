"""What has to happen to each object so that one shape becomes another: the sets, before any order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from nexus.migrations.shape.thing import Key, Shape, Thing
from nexus.migrations.shape.writing.alter import Alteration, alter
from nexus.migrations.shape.writing.rename import nameless, pairs, rename

_KEPT = frozenset({"table", "column", "schema", "type", "sequence", "extension", "default privileges"})
_REBUILT_WITH_TYPE = frozenset({"index", "constraint", "statistics"})  # by ALTER COLUMN TYPE itself


@dataclass
class Changes:
    """`dropped`: extra. `made`: missing. `altered`: changed in place. `rebuilt`: dropped and made anew, each
    with the object that causes it (itself where it differs). `renamed`: new key → old, of what has only
    another name.
    """

    have: Shape
    want: Shape
    dropped: set[Key] = field(default_factory=set)
    made: set[Key] = field(default_factory=set)
    altered: dict[Key, Alteration] = field(default_factory=dict)
    rebuilt: dict[Key, Key] = field(default_factory=dict)
    renamed: dict[Key, Key] = field(default_factory=dict)
    dependents: dict[Key, set[Key]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def between(cls, have: Shape, want: Shape) -> Changes:
        """What makes `want` of `have`."""
        changes = cls(have, want)
        for key, thing in have.things.items():
            for needed in thing.needs:
                changes.dependents[needed].add(key)
        changes.dropped = {key for key in have.things if key not in want.things and not changes._moves(key)}
        changes.made = {key for key in want.things if key not in have.things and not changes._moves(key)}
        for key in sorted(have.things.keys() & want.things.keys()):
            before, after = have.things[key], want.things[key]
            if before.same(after) or key in changes.rebuilt:
                continue
            alteration = alter(before, after, changes.users(key))
            if alteration is None:
                changes._rebuild(key, key)
                continue
            changes.altered[key] = alteration
            if alteration.disturbs:
                changes._disturb(key, key)
                if key.kind == "type":
                    for user in changes.users(key):
                        changes._disturb(user.key, key)
        changes._rename()
        return changes

    def gone(self, key: Key) -> bool:
        """Whether it is dropped, for good or for a while."""
        return key in self.dropped or key in self.rebuilt

    def comes(self, key: Key) -> bool:
        """Whether it is made, again or for the first time."""
        return key in self.made or key in self.rebuilt

    def _rename(self) -> None:
        """An index or constraint that goes while its like comes is given the new name."""
        old, new = (
            {key: nameless(things[key]) for key in sorted(keys)}
            for things, keys in ((self.have.things, self.dropped), (self.want.things, self.made))
        )
        for before, after in pairs(old, new):
            sql = rename(self.have.things[before], self.want.things[after])
            self.renamed[after] = before
            self.dropped.discard(before)
            self.made.discard(after)
            self.altered[after] = Alteration((sql,))

    def _rebuild(self, key: Key, cause: Key) -> None:
        self.rebuilt[key] = cause
        self.altered.pop(key, None)
        self._disturb(key, cause)
        if key.kind == "table":  # its columns go and come with it
            for part in self.dependents[key]:
                if part.kind in ("column", "default") and part in self.want.things:
                    self.rebuilt.setdefault(part, cause)
                    self.altered.pop(part, None)

    def _disturb(self, key: Key, cause: Key) -> None:
        """What is made of it must be away while it changes."""
        typed = key not in self.rebuilt and key.kind == "column"
        for each in sorted(self.dependents[key]):
            if self.gone(each) or each not in self.want.things or self._stays(each, typed):
                continue
            self._rebuild(each, cause)

    def _stays(self, key: Key, typed: bool) -> bool:
        thing = self.have.things[key]
        if typed and key.kind in _REBUILT_WITH_TYPE:
            return not thing.facts.get("definition", "").startswith("FOREIGN KEY")
        return key.kind in _KEPT and not (key.kind == "column" and thing.facts.get("generated"))

    def users(self, key: Key) -> list[Thing]:
        """The columns that have a type before and after."""
        if key.kind != "type":
            return []
        before = [self.have.things[each] for each in sorted(self.dependents[key]) if each.kind == "column"]
        found = [self.want.things[each.key] for each in before if each.key in self.want.things]
        return [
            each
            for each in found
            if key in each.needs
            and each.facts["type"] == self.have.things[each.key].facts["type"]
            and not each.facts.get("generated")
        ]

    def _moves(self, key: Key) -> bool:
        """Whether it becomes its parent's, or its own again, as its table joins or leaves a parent."""
        if not key.table or key.kind in ("sequence", "statistics"):
            return False
        table = Key("table", key.schema, "", key.table)
        before, after = self.have.things.get(table), self.want.things.get(table)
        if before is None or after is None:
            return False
        return before.facts.get("partition of") != after.facts.get("partition of")
