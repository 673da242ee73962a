"""Functions, procedures and aggregates."""

from __future__ import annotations

from typing import Any

from nexus.migrations.shape.catalogue.found import Connection, Found, acl, facts, grants, member
from nexus.migrations.shape.quoting import name
from nexus.migrations.shape.thing import Key, Thing

_ROUTINES = f"""
SELECT p.oid, n.nspname AS schema, p.proname AS name, p.prokind::text AS kind,
       oidvectortypes(p.proargtypes) AS types, pg_get_function_arguments(p.oid) AS arguments,
       pg_get_function_result(p.oid) AS result, p.proretset AS many,
       CASE WHEN p.prokind = 'a' THEN concat_ws(', ', 'SFUNC = ' || a.aggtransfn::regproc,
           'STYPE = ' || format_type(a.aggtranstype, NULL),
           'FINALFUNC = ' || nullif(a.aggfinalfn::oid, 0)::regproc,
           'COMBINEFUNC = ' || nullif(a.aggcombinefn::oid, 0)::regproc,
           'INITCOND = ' || quote_literal(a.agginitval),
           'PARALLEL = ' || CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' END)
       ELSE pg_get_functiondef(p.oid) END AS definition,
       pg_get_userbyid(p.proowner) AS owner, obj_description(p.oid, 'pg_proc') AS comment,
       {acl("p.proacl", "acldefault('f', p.proowner)")} AS grants,
       {acl("acldefault('f', p.proowner)")} AS usual
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
WHERE n.nspname = ANY ($1) AND NOT {member("pg_proc", "p.oid")}
  AND NOT EXISTS (SELECT FROM pg_depend i
      WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid AND i.deptype = 'i')
"""
WORDS = {"f": "FUNCTION", "p": "PROCEDURE", "a": "AGGREGATE", "w": "FUNCTION"}


async def read(connection: Connection, schemas: list[str], found: Found) -> None:
    """Take in routines; those of range types are PostgreSQL's own."""
    for row in await connection.fetch(_ROUTINES, schemas):
        found.add(_routine(row), ("pg_proc", row["oid"], 0))


def _routine(row: Any) -> Thing:
    sql_name = f"{name(row['schema'], row['name'])}({row['types']})"
    definition = row["definition"].rstrip()
    if row["kind"] == "a":
        create = f"CREATE AGGREGATE {sql_name.replace('()', '(*)')} ({definition});"
    else:
        create = f"{definition};"
    result = f"{'SETOF ' if row['many'] else ''}{row['result'] or ''}"
    return Thing(
        Key("function", row["schema"], "", f"{row['name']}({row['types']})"),
        create,
        sql_name.replace("()", "(*)") if row["kind"] == "a" else sql_name,
        facts(kind=WORDS[row["kind"]], arguments=row["arguments"], result=result, definition=definition),
        owner=row["owner"],
        comment=row["comment"] or "",
        grants=grants(row["grants"]),
        usual=grants(row["usual"]),
    )
