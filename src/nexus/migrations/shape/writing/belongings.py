"""What all objects have: owner, comment, grants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from nexus.migrations.quoting import literal
from nexus.migrations.shape.quoting import role
from nexus.migrations.shape.thing import Grant, Thing

_ON = {"constraint", "trigger", "rule", "policy"}


def belongings(before: Thing | None, after: Thing) -> Iterator[str]:
    """SQL that gives `after` its owner, comment and grants; `before` is what it was, None when just made by a
    superuser.
    """
    linked = bool(before and before.facts.get("owned by") and after.facts.get("owned by"))
    held = before.grants if before else after.usual
    if after.owner and not linked and (before is None or before.owner != after.owner):
        yield f"ALTER {word(after)} {after.sql_name} OWNER TO {role(after.owner)};"
    if before and before.owner != after.owner:
        held = frozenset(
            each._replace(role=after.owner) if each.role == before.owner else each for each in held
        )
    if after.comment != (before.comment if before else ""):
        text = literal(after.comment) if after.comment else "NULL"
        yield f"COMMENT ON {word(after)} {full_name(after)} IS {text};"
    yield from _granted(held, after)


def revoked(thing: Thing) -> Iterator[str]:
    """SQL that takes back all that was granted."""
    yield from _granted(thing.grants, replace(thing, grants=frozenset()))


def word(thing: Thing) -> str:
    """What SQL calls an object of its kind."""
    return thing.facts.get("kind") or thing.key.kind.upper()


def full_name(thing: Thing) -> str:
    """Its name as DROP and COMMENT write it."""
    if thing.key.kind == "column":
        return f"{thing.on}.{thing.sql_name}"
    return f"{thing.sql_name} ON {thing.on}" if thing.key.kind in _ON else thing.sql_name


def _granted(held: frozenset[Grant], thing: Thing) -> Iterator[str]:
    wanted = {(each.role, each.right): each.option for each in thing.grants}
    had = {(each.role, each.right): each.option for each in held}
    give: dict[tuple[str, bool], set[str]] = defaultdict(set)
    take: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for (who, right), option in wanted.items():
        if (who, right) not in had or (option and not had[who, right]):
            give[who, option].add(right)
    for (who, right), option in had.items():
        if (who, right) not in wanted:
            take[who, False].add(right)
        elif option and not wanted[who, right]:
            take[who, True].add(right)
    for (who, only_option), rights in sorted(take.items()):
        what = "GRANT OPTION FOR " if only_option else ""
        yield _line(thing, f"REVOKE {what}{_rights(thing, rights)} ON {_object(thing)} FROM {role(who)}")
    for (who, option), rights in sorted(give.items()):
        end = " WITH GRANT OPTION" if option else ""
        yield _line(thing, f"GRANT {_rights(thing, rights)} ON {_object(thing)} TO {role(who)}{end}")


def _line(thing: Thing, sql: str) -> str:
    if thing.key.kind == "default privileges":
        return f"ALTER DEFAULT PRIVILEGES {thing.sql_name} {sql};"
    return f"{sql};"


def _rights(thing: Thing, rights: set[str]) -> str:
    column = f" ({thing.sql_name})" if thing.key.kind == "column" else ""
    return ", ".join(f"{each}{column}" for each in sorted(rights))


def _object(thing: Thing) -> str:
    match thing.key.kind:
        case "table" | "view" | "materialized view":
            return f"TABLE {thing.sql_name}"
        case "column":
            return f"TABLE {thing.on}"
        case "default privileges":
            return thing.on
        case "function":
            return f"ROUTINE {thing.sql_name}"
        case kind:
            return f"{kind.upper()} {thing.sql_name}"
