"""What hangs on a relation: constraints, indexes, triggers, rules, policies, statistics.

What PostgreSQL makes by itself for a partition, from its parent's, is not told again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nexus.migrations.shape.catalogue.found import Connection, Found, facts, listed, member, words
from nexus.migrations.shape.quoting import name, role
from nexus.migrations.shape.thing import Key, Thing

_CONSTRAINTS = """
SELECT k.oid, n.nspname AS schema, c.relname AS table, k.conname AS name, k.contype::text AS type,
       pg_get_constraintdef(k.oid) AS definition, k.conindid AS index,
       obj_description(k.oid, 'pg_constraint') AS comment, x.indisvalid AS valid,
       array_to_string(ic.reloptions, ', ') AS options
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index x ON x.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
LEFT JOIN pg_class ic ON ic.oid = x.indexrelid
WHERE n.nspname = ANY ($1) AND k.contype IN ('c', 'f', 'p', 'u', 'x') AND k.conparentid = 0
  AND (k.conislocal OR k.coninhcount = 0)
"""
_INDEXES = f"""
SELECT c.oid, n.nspname AS schema, t.relname AS table, tn.nspname AS table_schema, t.relkind::text AS kind,
       c.relname AS name, regexp_replace(pg_get_indexdef(c.oid), ' ON ONLY ', ' ON ') AS definition,
       x.indisvalid AS valid, x.indisclustered AS clustered, obj_description(c.oid, 'pg_class') AS comment
FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE n.nspname = ANY ($1) AND NOT c.relispartition AND NOT {member("pg_class", "t.oid")}
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x'))
"""
_TRIGGERS = """
SELECT g.oid, n.nspname AS schema, c.relname AS table, g.tgname AS name, c.relkind::text AS kind,
       pg_get_triggerdef(g.oid) AS definition, g.tgenabled::text AS enabled,
       obj_description(g.oid, 'pg_trigger') AS comment
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1) AND NOT g.tgisinternal AND g.tgparentid = 0
"""
_RULES = """
SELECT r.oid, n.nspname AS schema, c.relname AS table, r.rulename AS name, c.relkind::text AS kind,
       rtrim(pg_get_ruledef(r.oid), ';') AS definition, r.ev_enabled::text AS enabled,
       obj_description(r.oid, 'pg_rewrite') AS comment
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1) AND r.rulename <> '_RETURN'
"""
_POLICIES = """
SELECT p.oid, n.nspname AS schema, c.relname AS table, p.polname AS name, c.relkind::text AS kind,
       p.polpermissive AS permissive, p.polcmd::text AS command, pg_get_expr(p.polqual, p.polrelid) AS using,
       pg_get_expr(p.polwithcheck, p.polrelid) AS checked, obj_description(p.oid, 'pg_policy') AS comment,
       ARRAY(SELECT CASE WHEN r = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r) END
             FROM unnest(p.polroles) r ORDER BY 1) AS roles
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1)
"""
_STATISTICS = """
SELECT s.oid, n.nspname AS schema, s.stxname AS name, pg_get_statisticsobjdef(s.oid) AS definition,
       s.stxstattarget AS target, pg_get_userbyid(s.stxowner) AS owner,
       obj_description(s.oid, 'pg_statistic_ext') AS comment, c.relname AS table, cn.nspname AS table_schema
FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
JOIN pg_class c ON c.oid = s.stxrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
WHERE n.nspname = ANY ($1)
"""
_ENABLED = {"D": "DISABLE {}", "R": "ENABLE REPLICA {}", "A": "ENABLE ALWAYS {}", "O": "ENABLE {}"}
_COMMANDS = {"*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}
_RELATION = {"v": "view", "m": "materialized view"}


async def read(connection: Connection, schemas: list[str], found: Found) -> None:
    """Take in what hangs on relations that are known already."""
    for row in await connection.fetch(_CONSTRAINTS, schemas):
        own = [("pg_constraint", row["oid"], 0)]
        if row["type"] != "f" and row["index"]:
            own.append(("pg_class", row["index"], 0))
        _take(found, _constraint(row), *own)
    parts: tuple[tuple[str, str, Callable[[Any], Thing]], ...] = (
        (_INDEXES, "pg_class", _index),
        (_TRIGGERS, "pg_trigger", lambda row: _switched(row, "trigger")),
        (_RULES, "pg_rewrite", lambda row: _switched(row, "rule")),
        (_POLICIES, "pg_policy", _policy),
        (_STATISTICS, "pg_statistic_ext", _statistics),
    )
    for query, catalogue, make in parts:
        for row in await connection.fetch(query, schemas):
            _take(found, make(row), (catalogue, row["oid"], 0))


def _take(found: Found, thing: Thing, *addresses: tuple[str, int, int]) -> None:
    if thing.within in found.things:
        found.add(thing, *addresses)


def _within(row: Any, schema: str = "schema") -> Key:
    kind = row.get("kind")
    return Key(_RELATION.get(kind, "table"), row[schema], "", row["table"])  # type: ignore[arg-type]


def _constraint(row: Any) -> Thing:
    on, own = name(row["schema"], row["table"]), name(row["name"])
    options = f" WITH ({row['options']})" if row["options"] else ""
    return Thing(
        Key("constraint", row["schema"], row["table"], row["name"]),
        f"ALTER TABLE {on} ADD CONSTRAINT {own} {row['definition']};",
        own,
        facts(definition=row["definition"], invalid=row["valid"] is False, options=options),
        on=on,
        comment=row["comment"] or "",
        within=Key("table", row["schema"], "", row["table"]),
    )


def _index(row: Any) -> Thing:
    on, own = name(row["table_schema"], row["table"]), name(row["schema"], row["name"])
    return Thing(
        Key("index", row["schema"], row["table"], row["name"]),
        f"{row['definition']};",
        own,
        facts(definition=row["definition"], invalid=not row["valid"], clustered=row["clustered"]),
        on=on,
        comment=row["comment"] or "",
        within=_within(row, "table_schema"),
    )


def _switched(row: Any, kind: str) -> Thing:
    """A trigger or a rule, which may be switched off."""
    on, own = name(row["schema"], row["table"]), name(row["name"])
    switched = _ENABLED[row["enabled"]].format(f"{kind.upper()} {own}")
    switch = "" if row["enabled"] == "O" else f"\nALTER TABLE {on} {switched};"
    return Thing(
        Key(kind, row["schema"], row["table"], row["name"]),  # type: ignore[arg-type]
        f"{row['definition']};{switch}",
        own,
        facts(definition=row["definition"], switched=switched),
        on=on,
        comment=row["comment"] or "",
        within=_within(row),
    )


def _policy(row: Any) -> Thing:
    on, own = name(row["schema"], row["table"]), name(row["name"])
    definition = words(
        "AS PERMISSIVE" if row["permissive"] else "AS RESTRICTIVE",
        f"FOR {_COMMANDS[row['command']]} TO {listed(role(each) for each in row['roles'])}",
        f"USING ({row['using']})" if row["using"] else "",
        f"WITH CHECK ({row['checked']})" if row["checked"] else "",
    )
    return Thing(
        Key("policy", row["schema"], row["table"], row["name"]),
        f"CREATE POLICY {own} ON {on} {definition};",
        own,
        facts(definition=definition),
        on=on,
        comment=row["comment"] or "",
        within=_within(row),
    )


def _statistics(row: Any) -> Thing:
    own = name(row["schema"], row["name"])
    target = "" if row["target"] is None else f"\nALTER STATISTICS {own} SET STATISTICS {row['target']};"
    return Thing(
        Key("statistics", row["schema"], row["table"], row["name"]),
        f"{row['definition']};{target}",
        own,
        facts(definition=row["definition"], target=row["target"]),
        on=name(row["table_schema"], row["table"]),
        owner=row["owner"],
        comment=row["comment"] or "",
        within=Key("table", row["table_schema"], "", row["table"]),
    )
