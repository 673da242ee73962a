"""Objects of which a shape says nothing: only whether they are there is looked at."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from nexus.migrations.shape.difference import Difference, Step
from nexus.migrations.shape.thing import Key

if TYPE_CHECKING:
    import asyncpg

_FIRST = 16384  # oids below are PostgreSQL's own (FirstNormalObjectId)
_IN_SCHEMAS = {
    "pg_operator": "oprnamespace",
    "pg_opclass": "opcnamespace",
    "pg_opfamily": "opfnamespace",
    "pg_collation": "collnamespace",
    "pg_conversion": "connamespace",
    "pg_ts_config": "cfgnamespace",
    "pg_ts_dict": "dictnamespace",
    "pg_ts_parser": "prsnamespace",
    "pg_ts_template": "tmplnamespace",
}
_OF_THE_DATABASE = (
    "pg_language", "pg_transform", "pg_foreign_data_wrapper", "pg_foreign_server", "pg_event_trigger",
    "pg_publication", "pg_extension", "pg_am",
)  # fmt: skip
_ALL = "\nUNION ALL ".join(
    (
        *(f"SELECT '{each}'::regclass, oid, {schema} FROM {each}" for each, schema in _IN_SCHEMAS.items()),
        "SELECT 'pg_class'::regclass, oid, relnamespace FROM pg_class WHERE relkind = 'f'",
        "SELECT 'pg_namespace'::regclass, oid, 0 FROM pg_namespace WHERE nspname !~ '^pg_'",
        "SELECT 'pg_cast'::regclass, c.oid, CASE WHEN s.oid >= 16384 THEN s.typnamespace "
        "ELSE t.typnamespace END FROM pg_cast c JOIN pg_type s ON s.oid = castsource "
        "JOIN pg_type t ON t.oid = casttarget",
        *(f"SELECT '{each}'::regclass, oid, 0 FROM {each}" for each in _OF_THE_DATABASE),
    )
)
_FOUND = f"""
SELECT coalesce(n.nspname, '') AS schema, i.type, i.identity
FROM ({_ALL}) AS o (classid, objid, schema) LEFT JOIN pg_namespace n ON n.oid = o.schema,
     LATERAL pg_identify_object(o.classid, o.objid, 0) i
WHERE o.objid >= {_FIRST} AND i.identity IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_depend e WHERE e.classid = o.classid AND e.objid = o.objid AND e.deptype = 'e')
"""


async def read_uncovered(connection: asyncpg.Connection[asyncpg.Record]) -> frozenset[Key]:
    """Operators and their classes, casts, collations, conversions, text search objects and foreign tables;
    and, with the schema "", what belongs to the database: extensions, schemas, publications and the like.
    """
    rows = await connection.fetch(_FOUND)
    return frozenset(Key("object", row["schema"], "", f"{row['type']} {row['identity']}") for row in rows)


def told_apart(
    have: Collection[Key], want: Collection[Key], schemas: Collection[str], first: int
) -> Iterator[Difference]:
    """Which are extra or missing in some schemas. One that is missing has no statement: how it was made is
    not known. `first`: the order of the first statement, behind all others.
    """
    for number, key in enumerate(sorted(set(have) ^ set(want)), first):
        if key.schema not in schemas:
            continue
        if key in want:
            yield Difference(key, "missing", f"{key} is missing; its migration says how it is made", ())
            continue
        kind = next(each for each in _KINDS if key.name.startswith(f"{each} "))
        drop = Step(number, f"DROP {kind.upper()}{key.name.removeprefix(kind)};", key)
        yield Difference(key, "extra", f"{key} is extra", (drop,))


_KINDS = (
    "operator class", "operator family", "operator", "collation", "conversion", "text search configuration",
    "text search dictionary", "text search parser", "text search template", "foreign table", "cast",
)  # fmt: skip
