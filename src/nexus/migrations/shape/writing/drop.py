"""SQL that drops an object, and what is lost with it."""

from __future__ import annotations

from nexus.migrations.shape.thing import Thing
from nexus.migrations.shape.writing.belongings import full_name, revoked, word


def drop(thing: Thing) -> tuple[str, ...]:
    """The statements that drop `thing`, without CASCADE: what depends on it goes before it."""
    match thing.key.kind:
        case "default":
            return (f"ALTER TABLE {thing.on} ALTER COLUMN {thing.sql_name} DROP DEFAULT;",)
        case "column" | "constraint":
            return (f"ALTER TABLE {thing.on} DROP {word(thing)} {thing.sql_name};",)
        case "default privileges":
            return tuple(revoked(thing))
        case _:
            return (f"DROP {word(thing)} {full_name(thing)};",)


def lost(thing: Thing) -> str:
    """What is gone for good when it is dropped ("" = nothing that could not be made again)."""
    match thing.key.kind:
        case "table":
            return f"all rows of {thing.sql_name}"
        case "column" if not thing.facts.get("generated"):
            return f"all values of {full_name(thing)}"
        case "sequence":
            return f"where {thing.sql_name} stands"
    return ""
