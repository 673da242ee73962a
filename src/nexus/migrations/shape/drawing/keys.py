"""Keys of tables, as their constraints say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pglast import parse_sql
from pglast.enums import ConstrType

from nexus.migrations.shape.thing import Shape


@dataclass(frozen=True)
class ForeignKey:
    """`columns` refer to another table. `optional`: one of them may be null; `single`: they are unique."""

    name: str
    columns: tuple[str, ...]
    schema: str
    table: str
    optional: bool = False
    single: bool = False


@dataclass(frozen=True)
class Keys:
    """The keys of one table, by their columns."""

    primary: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    foreign: tuple[ForeignKey, ...] = ()

    def of(self, column: str) -> tuple[str, ...]:
        """`PK`, `FK`, `UK`: which keys a column is of."""
        found = {
            "PK": column in self.primary,
            "FK": any(column in each.columns for each in self.foreign),
            "UK": any(column in each for each in self.unique),
        }
        return tuple(key for key, is_so in found.items() if is_so)


def keys_of(shape: Shape, schema: str, table: str) -> Keys:
    """The keys of a table of a shape."""
    primary: tuple[str, ...] = ()
    unique: list[tuple[str, ...]] = []
    foreign: list[tuple[str, Any]] = []
    for thing in shape.kind("constraint", schema, table):
        if thing.facts["definition"].startswith(("CHECK", "EXCLUDE")):
            continue
        statement: Any = parse_sql(thing.create)[0].stmt
        told = statement.cmds[0].def_
        if told.contype == ConstrType.CONSTR_PRIMARY:
            primary = _names(told.keys)
        elif told.contype == ConstrType.CONSTR_UNIQUE:
            unique.append(_names(told.keys))
        elif told.contype == ConstrType.CONSTR_FOREIGN:
            foreign.append((thing.key.name, told))
    required = {
        each.key.name for each in shape.kind("column", schema, table) if each.facts.get("not null") == "yes"
    }
    distinct = {frozenset(each) for each in (primary, *unique)}
    return Keys(
        primary,
        tuple(unique),
        tuple(
            ForeignKey(
                name,
                _names(told.fk_attrs),
                str(told.pktable.schemaname or schema),
                str(told.pktable.relname),
                optional=not required.issuperset(_names(told.fk_attrs)),
                single=frozenset(_names(told.fk_attrs)) in distinct,
            )
            for name, told in foreign
        ),
    )


def _names(told: Any) -> tuple[str, ...]:
    return tuple(str(each.sval) for each in told or ())
