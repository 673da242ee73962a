"""SQL that changes an object in place, where PostgreSQL can."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nexus.migrations.quoting import literal
from nexus.migrations.shape.thing import Thing
from nexus.migrations.shape.writing.alter_column import alter_column
from nexus.migrations.shape.writing.alter_table import alter_table
from nexus.migrations.shape.writing.alter_type import alter_type


@dataclass(frozen=True)
class Alteration:
    """`sql`: its statements. `disturbs`: what is made of it must be away meanwhile. `destroys`: what is
    lost.
    """

    sql: tuple[str, ...] = ()
    disturbs: bool = False
    destroys: str = ""


def alter(have: Thing, want: Thing, users: Sequence[Thing] = ()) -> Alteration | None:
    """How `have` becomes `want`, beside owner, comment and grants; None where it must be dropped and made.

    `users`: of a type, the columns that keep it.
    """
    if have.facts == want.facts:
        return Alteration()
    match want.key.kind:
        case "column":
            told = alter_column(have, want)
            return Alteration(*told) if told else None
        case "table":
            sql = alter_table(have, want)
            return Alteration(sql) if sql is not None else None
        case "type":
            changed = alter_type(have, want, users)
            return Alteration(*changed) if changed else None
        case kind:
            simple = _SIMPLE.get(kind)
            sql = simple(have, want) if simple else None
            return Alteration(sql) if sql is not None else None


def _default(have: Thing, want: Thing) -> tuple[str, ...]:
    return (want.create,)


def _view(have: Thing, want: Thing) -> tuple[str, ...] | None:
    """OR REPLACE only adds columns at the end."""
    before, after = have.facts["columns"].split("\n"), want.facts["columns"].split("\n")
    if after[: len(before)] != before:
        return None
    return (want.create.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1),)


def _function(have: Thing, want: Thing) -> tuple[str, ...] | None:
    """OR REPLACE keeps the names of arguments and the result."""
    same = all(have.facts.get(each) == want.facts.get(each) for each in ("kind", "arguments", "result"))
    return (want.create,) if same and want.facts["kind"] != "AGGREGATE" else None


def _constraint(have: Thing, want: Thing) -> tuple[str, ...] | None:
    if have.facts["definition"] == f"{want.facts['definition']} NOT VALID":
        return (f"ALTER TABLE {want.on} VALIDATE CONSTRAINT {want.sql_name};",)
    return None


def _index(have: Thing, want: Thing) -> tuple[str, ...] | None:
    if have.facts["definition"] != want.facts["definition"] or have.facts.get("invalid") != want.facts.get(
        "invalid"
    ):
        return None
    clustered = want.facts.get("clustered")
    return () if clustered else (f"ALTER TABLE {want.on} SET WITHOUT CLUSTER;",)


def _switched(have: Thing, want: Thing) -> tuple[str, ...] | None:
    if have.facts["definition"] != want.facts["definition"]:
        return None
    return (f"ALTER TABLE {want.on} {want.facts['switched']};",)


def _sequence(have: Thing, want: Thing) -> tuple[str, ...]:
    sql = []
    if have.facts["options"] != want.facts["options"]:
        sql.append(f"ALTER SEQUENCE {want.sql_name} {want.facts['options']};")
    if have.facts.get("unlogged") != want.facts.get("unlogged"):
        sql.append(f"ALTER SEQUENCE {want.sql_name} SET {_logged(want)};")
    if have.facts.get("owned by") and not want.facts.get("owned by"):
        sql.append(f"ALTER SEQUENCE {want.sql_name} OWNED BY NONE;")
    return tuple(sql)


def _logged(thing: Thing) -> str:
    return "UNLOGGED" if thing.facts.get("unlogged") else "LOGGED"


def _extension(have: Thing, want: Thing) -> tuple[str, ...]:
    return (f"ALTER EXTENSION {want.sql_name} UPDATE TO {literal(want.facts['version'])};",)


def _statistics(have: Thing, want: Thing) -> tuple[str, ...] | None:
    if have.facts["definition"] != want.facts["definition"]:
        return None
    return (f"ALTER STATISTICS {want.sql_name} SET STATISTICS {want.facts.get('target', -1)};",)


_SIMPLE: dict[str, Callable[[Thing, Thing], tuple[str, ...] | None]] = {
    "default": _default,
    "view": _view,
    "function": _function,
    "constraint": _constraint,
    "index": _index,
    "trigger": _switched,
    "rule": _switched,
    "sequence": _sequence,
    "extension": _extension,
    "statistics": _statistics,
}
