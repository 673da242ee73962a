"""Types: enumerations, domains, composites, ranges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nexus.migrations.quoting import literal
from nexus.migrations.shape.catalogue.found import (
    Connection,
    Found,
    acl,
    facts,
    grants,
    listed,
    member,
    words,
)
from nexus.migrations.shape.quoting import name
from nexus.migrations.shape.thing import Key, Thing

_TYPES = f"""
SELECT t.oid, t.typarray, n.nspname AS schema, t.typname AS name, t.typtype::text AS kind,
       pg_get_userbyid(t.typowner) AS owner, obj_description(t.oid, 'pg_type') AS comment, t.typrelid,
       {acl("t.typacl", "acldefault('T', t.typowner)")} AS grants,
       {acl("acldefault('T', t.typowner)")} AS usual,
       ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid
             ORDER BY e.enumsortorder) AS labels,
       format_type(t.typbasetype, t.typtypmod) AS base, t.typnotnull AS not_null, t.typdefault AS default,
       CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation
            THEN (SELECT collname FROM pg_collation WHERE oid = t.typcollation) END AS collation,
       ARRAY(SELECT quote_ident(k.conname) || E'\\t' || pg_get_constraintdef(k.oid) FROM pg_constraint k
             WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY k.conname) AS checks,
       ARRAY(SELECT a.attname || E'\\t' || format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
             WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY a.attnum) AS attributes,
       format_type(r.rngsubtype, NULL) AS subtype, nullif(r.rngsubdiff::oid, 0)::regproc::text AS diff,
       nullif(r.rngcanonical::oid, 0)::regproc::text AS canonical,
       (SELECT quote_ident(mn.nspname) || '.' || quote_ident(m.typname) FROM pg_type m JOIN pg_namespace mn
        ON mn.oid = m.typnamespace WHERE m.oid = r.rngmultitypid) AS multirange, r.rngmultitypid
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_type b ON b.oid = t.typbasetype
LEFT JOIN pg_range r ON r.rngtypid = t.oid LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE n.nspname = ANY ($1) AND t.typtype IN ('e', 'd', 'c', 'r') AND (c.relkind IS NULL OR c.relkind = 'c')
  AND NOT {member("pg_type", "t.oid")}
"""
_CHECKS = "SELECT k.oid, k.contypid FROM pg_constraint k WHERE k.contypid <> 0"
_ARRAYS = "SELECT oid, typelem FROM pg_type WHERE typelem <> 0 AND typcategory = 'A' AND oid >= 16384"


async def read(connection: Connection, schemas: list[str], found: Found) -> None:
    """Take in types; a table's own row type is the table."""
    for row in await connection.fetch(_TYPES, schemas):
        own = [("pg_type", row["oid"], 0)]
        if row["typrelid"]:
            own.append(("pg_class", row["typrelid"], 0))
        if row["rngmultitypid"]:
            own.append(("pg_type", row["rngmultitypid"], 0))
        found.add(_MAKERS[row["kind"]](row), *own)
    for row in await connection.fetch(_CHECKS):
        if ("pg_type", row["contypid"], 0) in found.places:
            found.places[("pg_constraint", row["oid"], 0)] = found.places[("pg_type", row["contypid"], 0)]


async def read_arrays(connection: Connection, found: Found) -> None:
    """What needs an array of a type needs the type."""
    for row in await connection.fetch(_ARRAYS):
        element = found.places.get(("pg_type", row["typelem"], 0))
        if element:
            found.places[("pg_type", row["oid"], 0)] = element


def _enum(row: Any) -> Thing:
    labels = listed(literal(each) for each in row["labels"])
    return _type(row, f"AS ENUM ({labels})", facts(values=labels))


def _domain(row: Any) -> Thing:
    checks = [each.split("\t", 1) for each in row["checks"]]
    told = words(
        row["base"],
        f"COLLATE {name(row['collation'])}" if row["collation"] else "",
        f"DEFAULT {row['default']}" if row["default"] is not None else "",
        "NOT NULL" if row["not_null"] else "",
        *(f"CONSTRAINT {check} {definition}" for check, definition in checks),
    )
    found = facts(
        base=row["base"],
        collation=row["collation"],
        default=row["default"],
        not_null=row["not_null"],
    )
    found |= {f"constraint {check}": definition for check, definition in checks}
    return _type(row, f"AS {told}", found, "DOMAIN")


def _composite(row: Any) -> Thing:
    attributes = [each.split("\t") for each in row["attributes"]]
    told = listed(f"{name(each)} {type_}" for each, type_ in attributes)
    return _type(row, f"AS ({told})", facts(attributes=told))


def _range(row: Any) -> Thing:
    told = listed(
        f"{key} = {value}"
        for key, value in (
            ("subtype", row["subtype"]),
            ("subtype_diff", row["diff"]),
            ("canonical", row["canonical"]),
            ("multirange_type_name", row["multirange"]),
        )
        if value
    )
    return _type(row, f"AS RANGE ({told})", facts(range=told))


def _type(row: Any, definition: str, told: dict[str, str], word: str = "TYPE") -> Thing:
    sql_name = name(row["schema"], row["name"])
    return Thing(
        Key("type", row["schema"], "", row["name"]),
        f"CREATE {word} {sql_name} {definition};",
        sql_name,
        {**told, "kind": word},
        owner=row["owner"],
        comment=row["comment"] or "",
        grants=grants(row["grants"]),
        usual=grants(row["usual"]),
    )


_MAKERS: dict[str, Callable[[Any], Thing]] = {"e": _enum, "d": _domain, "c": _composite, "r": _range}
