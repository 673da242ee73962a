"""Tables, views and sequences."""

from __future__ import annotations

from typing import Any

from nexus.migrations.shape.catalogue.found import Connection, Found, acl, facts, grants, member, words
from nexus.migrations.shape.quoting import name
from nexus.migrations.shape.thing import Key, Kind, Thing

HISTORY = "_prisma_migrations"  # Prisma's own; no part of what migrations make
_RELATIONS = f"""
SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
       pg_get_userbyid(c.relowner) AS owner, obj_description(c.oid, 'pg_class') AS comment,
       {acl("c.relacl", "acldefault('r', c.relowner)")} AS grants,
       {acl("acldefault('r', c.relowner)")} AS usual,
       c.relpersistence = 'u' AS unlogged, c.relrowsecurity AS rls, c.relforcerowsecurity AS forced,
       array_to_string(c.reloptions, ', ') AS options, c.relreplident::text AS replica,
       (SELECT x.indexrelid::regclass::text FROM pg_index x WHERE x.indrelid = c.oid AND x.indisreplident
       ) AS replica_index,
       (SELECT a.amname FROM pg_am a WHERE a.oid = c.relam AND a.amname <> 'heap') AS method,
       (SELECT t.spcname FROM pg_tablespace t WHERE t.oid = c.reltablespace) AS tablespace,
       (SELECT t.oid::regtype::text FROM pg_type t WHERE t.oid = c.reloftype) AS of_type,
       c.reltype, CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partitioned,
       CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END AS bound,
       ARRAY(SELECT i.inhparent::regclass::text FROM pg_inherits i WHERE i.inhrelid = c.oid
             ORDER BY i.inhseqno) AS parents,
       CASE WHEN c.relkind IN ('v', 'm') THEN rtrim(pg_get_viewdef(c.oid), ';') END AS query,
       ARRAY(SELECT quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
             FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND c.relkind IN ('v', 'm')
             ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relname <> '{HISTORY}'
  AND NOT {member("pg_class", "c.oid")}
"""
_SEQUENCES = f"""
SELECT c.oid, n.nspname AS schema, c.relname AS name, pg_get_userbyid(c.relowner) AS owner,
       obj_description(c.oid, 'pg_class') AS comment, c.relpersistence = 'u' AS unlogged,
       {acl("c.relacl", "acldefault('s', c.relowner)")} AS grants,
       {acl("acldefault('s', c.relowner)")} AS usual,
       format_type(s.seqtypid, NULL) AS type, s.*, d.refobjid AS owner_table, d.refobjsubid AS owner_column
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
     AND d.refclassid = 'pg_class'::regclass
WHERE n.nspname = ANY ($1) AND NOT {member("pg_class", "c.oid")} AND d.deptype IS DISTINCT FROM 'i'
"""
_KINDS: dict[str, Kind] = {"r": "table", "p": "table", "v": "view", "m": "materialized view"}
_REPLICA = {"n": "NOTHING", "f": "FULL"}


async def read(connection: Connection, schemas: list[str], found: Found) -> None:
    """Take in tables (their columns come with the columns), views and sequences."""
    for row in await connection.fetch(_RELATIONS, schemas):
        kind = _KINDS[row["kind"]]
        make = _table if kind == "table" else _view
        found.add(make(row, kind), ("pg_class", row["oid"], 0), ("pg_type", row["reltype"], 0))


async def read_sequences(connection: Connection, schemas: list[str], found: Found) -> None:
    """Take in the sequences that are not an identity column's; the columns are known already."""
    for row in await connection.fetch(_SEQUENCES, schemas):
        column = found.places.get(("pg_class", row["owner_table"] or 0, row["owner_column"] or 0))
        sql_name = name(row["schema"], row["name"])
        told = sequence_options(row)
        owned = name(column.schema, column.table, column.name) if column else ""
        thing = Thing(
            Key("sequence", row["schema"], "", row["name"]),
            words("CREATE", "UNLOGGED" if row["unlogged"] else "", f"SEQUENCE {sql_name} {told};"),
            sql_name,
            facts(options=told, owned_by=owned, unlogged=row["unlogged"]),
            owner=row["owner"],
            comment=row["comment"] or "",
            grants=grants(row["grants"]),
            usual=grants(row["usual"]),
            within=column,
        )
        found.add(thing, ("pg_class", row["oid"], 0))


def sequence_options(row: Any) -> str:
    """The options of a sequence, all of them told."""
    return (
        f"AS {row['type']} START WITH {row['seqstart']} INCREMENT BY {row['seqincrement']} "
        f"MINVALUE {row['seqmin']} MAXVALUE {row['seqmax']} CACHE {row['seqcache']} "
        f"{'CYCLE' if row['seqcycle'] else 'NO CYCLE'}"
    )


def _table(row: Any, kind: Kind) -> Thing:
    sql_name = name(row["schema"], row["name"])
    replica = f"USING INDEX {row['replica_index']}" if row["replica"] == "i" else ""
    told = facts(
        partition_of=row["parents"][0] if row["bound"] else "",
        bound=row["bound"],
        inherits="" if row["bound"] else ", ".join(row["parents"]),
        partitioned_by=row["partitioned"],
        of_type=row["of_type"],
        method=row["method"],
        options=row["options"],
        tablespace=row["tablespace"],
        unlogged=row["unlogged"],
        row_level_security=row["rls"],
        forced_row_level_security=row["forced"],
        replica_identity=replica or _REPLICA.get(row["replica"], ""),
    )
    return Thing(
        Key(kind, row["schema"], "", row["name"]),
        "",
        sql_name,
        told,
        owner=row["owner"],
        comment=row["comment"] or "",
        grants=grants(row["grants"]),
        usual=grants(row["usual"]),
    )


def _view(row: Any, kind: Kind) -> Thing:
    sql_name = name(row["schema"], row["name"])
    options = f" WITH ({row['options']})" if row["options"] else ""
    return Thing(
        Key(kind, row["schema"], "", row["name"]),
        f"CREATE {kind.upper()} {sql_name}{options} AS\n{row['query']};",
        sql_name,
        facts(query=row["query"], options=row["options"], columns="\n".join(row["columns"])),
        owner=row["owner"],
        comment=row["comment"] or "",
        grants=grants(row["grants"]),
        usual=grants(row["usual"]),
    )
