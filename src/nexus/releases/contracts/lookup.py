"""A field within a schema: is it always there, and what may it hold?

Fields are written `customer.name`, `items[].id` (of every item), `prices.*` (of every entry of a map).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from nexus.releases.contracts.schema import ANY, Kind, Schema

ITEM = "[]"
ENTRY = "*"
DEEPEST = 6

Path = tuple[str, ...]


class Presence(IntEnum):
    """How sure a reader can be of a field. `OPEN`: the schema lets it be there and does not name it."""

    NEVER = 0
    OPEN = 1
    SOMETIMES = 2
    ALWAYS = 3


@dataclass(frozen=True)
class Found:
    """A field as a schema has it."""

    presence: Presence
    kinds: tuple[Kind, ...] = ()


def parse(field: str) -> Path:
    """`items[].id` as its steps; "" is the whole."""
    return tuple(re.findall(r"\[\]|[^.\[\]]+", field))


def written(path: Path) -> str:
    """The steps as people write them."""
    return ".".join(path).replace(f".{ITEM}", ITEM)


def find(schema: Schema, path: Path) -> Found:
    """Follows `path` through every kind of value that `schema` allows."""
    kinds = schema.kinds()
    if not path:
        return Found(Presence.ALWAYS, kinds)
    found = [_step(kind, path[0], path[1:]) for kind in kinds]
    if not found:
        return Found(Presence.NEVER)
    return Found(_together([each.presence for each in found]), tuple(k for each in found for k in each.kinds))


def _together(all_of: list[Presence]) -> Presence:
    if min(all_of) == max(all_of):
        return all_of[0]
    return Presence.SOMETIMES if max(all_of) >= Presence.SOMETIMES else Presence.OPEN


def _step(kind: Kind, step: str, rest: Path) -> Found:
    if kind.type == ANY:
        return Found(Presence.OPEN, (Kind(ANY),))
    if step == ITEM:
        return find(kind.items, rest) if kind.items is not None else Found(Presence.NEVER)
    if kind.type != "object":
        return Found(Presence.NEVER)
    if step in kind.fields:
        return _named(find(kind.fields[step], rest), step in kind.required)
    if step == ENTRY and kind.fields:
        entries = [*kind.fields.values(), *([kind.others] if isinstance(kind.others, Schema) else [])]
        inner = [find(each, rest) for each in entries]
        return Found(_together([e.presence for e in inner]), tuple(k for e in inner for k in e.kinds))
    return _unnamed(kind, rest)


def _named(found: Found, required: bool) -> Found:
    weaker = found.presence is Presence.ALWAYS and not required
    return Found(Presence.SOMETIMES, found.kinds) if weaker else found


def _unnamed(kind: Kind, rest: Path) -> Found:
    """A field the schema does not name. Saying nothing of further fields is no promise of any."""
    if isinstance(kind.others, Schema):
        inner = find(kind.others, rest)
        return Found(min(inner.presence, Presence.OPEN), inner.kinds)
    if kind.others is True or (kind.others is None and not kind.fields):
        return Found(Presence.OPEN, (Kind(ANY),))
    return Found(Presence.NEVER)


def fields_below(
    kinds: Iterable[Kind], path: Path = (), seen: frozenset[int] = frozenset()
) -> Iterator[Path]:
    """Every field, item and entry of a map that the kinds tell of, with `path` in front; recursion ends where
    it begins again.
    """
    for kind in kinds:
        inside = dict(kind.fields)
        if kind.items is not None:
            inside[ITEM] = kind.items
        if isinstance(kind.others, Schema):
            inside[ENTRY] = kind.others
        for step, inner in inside.items():
            yield (*path, step)
            if len(path) < DEEPEST and id(inner.node) not in seen:
                yield from fields_below(inner.kinds(), (*path, step), seen | {id(inner.node)})
