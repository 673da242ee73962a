"""SQL that gives an object another name, where all else is as it should be: an index is not built again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nexus.migrations.shape.quoting import name
from nexus.migrations.shape.thing import Key, Thing


def nameless(thing: Thing) -> Any:
    """What an index or a constraint is beside its name; None for what is not renamed."""
    if thing.key.kind not in ("index", "constraint"):
        return None
    told = dict(thing.facts)
    if thing.key.kind == "index":
        told["definition"] = told["definition"].replace(f" {name(thing.key.name)} ON ", " ON ", 1)
    return thing.key[:3], tuple(sorted(told.items()))


def pairs(old: Mapping[Key, Any], new: Mapping[Key, Any]) -> Iterator[tuple[Key, Key]]:
    """The objects that are the same but for their names, each once."""
    left = dict(old)
    for after, told in new.items():
        before = next((key for key, other in left.items() if told is not None and other == told), None)
        if before is not None:
            del left[before]
            yield before, after


def rename(have: Thing, want: Thing) -> str:
    """SQL that gives the first the name of the second."""
    if want.key.kind == "constraint":
        return f"ALTER TABLE {want.on} RENAME CONSTRAINT {have.sql_name} TO {want.sql_name};"
    return f"ALTER INDEX {have.sql_name} RENAME TO {name(want.key.name)};"
