"""What needs what, from pg_depend (PostgreSQL manual, 52.18)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from nexus.migrations.shape.catalogue.found import Address, Connection, Found
from nexus.migrations.shape.thing import Key

_FIRST = 16384  # oids below are PostgreSQL's own (FirstNormalObjectId)
_DEPENDS = f"""
SELECT classid::regclass::text AS of, objid, objsubid, deptype::text AS type,
       refclassid::regclass::text AS on, refobjid, refobjsubid
FROM pg_depend WHERE objid >= {_FIRST} AND (refobjid >= {_FIRST} OR deptype = 'e')
"""
_VIEWS = "SELECT oid, ev_class FROM pg_rewrite WHERE rulename = '_RETURN' AND oid >= $1"
_NOT_NULL = "SELECT oid, conrelid, conkey[1] AS at FROM pg_constraint WHERE contype = 'n'"


async def read(connection: Connection, found: Found) -> None:
    """Give each thing what it needs; all things are known already."""
    places = found.places
    for row in await connection.fetch(_VIEWS, _FIRST):
        if ("pg_class", row["ev_class"], 0) in places:
            places[("pg_rewrite", row["oid"], 0)] = places[("pg_class", row["ev_class"], 0)]
    for row in await connection.fetch(_NOT_NULL):
        column = places.get(("pg_class", row["conrelid"], row["at"]))
        if column:
            places[("pg_constraint", row["oid"], 0)] = column
    rows = await connection.fetch(_DEPENDS)
    for row in rows:
        if row["type"] == "e" and ("pg_extension", row["refobjid"], 0) in places:
            places[(row["of"], row["objid"], 0)] = places[("pg_extension", row["refobjid"], 0)]
    needs: dict[Key, set[Key]] = defaultdict(set)
    for row in rows:
        own = _place(places, (row["of"], row["objid"], row["objsubid"]))
        needed = _place(places, (row["on"], row["refobjid"], row["refobjsubid"]))
        if own and needed and own != needed and not _owns(own, needed):
            needs[own].add(needed)
    for key, thing in found.things.items():
        schema = Key("schema", key.schema, "", key.schema)
        holder = thing.within if key.kind != "sequence" else None
        more = {each for each in (schema, holder) if each and each in found.things and each != key}
        found.things[key] = replace(thing, needs=frozenset(needs[key] | more))


def _place(places: dict[Address, Key], address: Address) -> Key | None:
    return places.get(address) or places.get((*address[:2], 0))


def _owns(thing: Key, needed: Key) -> bool:
    """A sequence hangs on the column that owns it, whose default needs the sequence: only this orders."""
    return thing.kind == "sequence" and needed.kind in ("column", "table")
