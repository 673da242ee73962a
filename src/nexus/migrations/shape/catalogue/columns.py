"""Columns and their defaults. What a table has from its parents is not told again."""

from __future__ import annotations

from typing import Any

from nexus.migrations.shape.catalogue.found import Connection, Found, acl, facts, grants, words
from nexus.migrations.shape.catalogue.relations import HISTORY, sequence_options
from nexus.migrations.shape.quoting import name
from nexus.migrations.shape.thing import Key, Thing

_COLUMNS = f"""
SELECT n.nspname AS schema, c.relname AS table, c.oid AS table_oid, a.attname AS name, a.attnum AS at,
       format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null, nn.convalidated AS validated,
       a.attidentity::text AS identity, a.attgenerated::text AS generated,
       pg_get_expr(d.adbin, d.adrelid) AS expression, d.oid AS default_oid,
       CASE WHEN a.attcollation <> t.typcollation
            THEN quote_ident(cn.nspname) || '.' || quote_ident(co.collname) END AS collation,
       CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage::text END AS storage,
       nullif(a.attcompression::text, '') AS compression, a.attstattarget AS target,
       array_to_string(a.attoptions, ', ') AS options, col_description(c.oid, a.attnum) AS comment,
       {acl("a.attacl")} AS grants, format_type(s.seqtypid, NULL) AS sequence_type, s.*
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_collation co ON co.oid = a.attcollation LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
LEFT JOIN pg_constraint nn ON nn.conrelid = c.oid AND nn.contype = 'n' AND nn.conkey = ARRAY[a.attnum]
LEFT JOIN pg_depend sd ON a.attidentity <> '' AND sd.refclassid = 'pg_class'::regclass AND sd.refobjid = c.oid
     AND sd.refobjsubid = a.attnum AND sd.deptype = 'i' AND sd.classid = 'pg_class'::regclass
LEFT JOIN pg_sequence s ON s.seqrelid = sd.objid
WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p') AND c.relname <> '{HISTORY}' AND a.attnum > 0
  AND NOT a.attisdropped AND (a.attislocal AND NOT c.relispartition OR a.attinhcount = 0)
"""
_STORAGE = {"p": "PLAIN", "e": "EXTERNAL", "m": "MAIN", "x": "EXTENDED"}
_COMPRESSION = {"p": "pglz", "l": "lz4"}
_GENERATED = {"s": "STORED", "v": "VIRTUAL"}
_IDENTITY = {"a": "ALWAYS", "d": "BY DEFAULT"}


async def read(connection: Connection, schemas: list[str], found: Found) -> None:
    """Take in columns and defaults of tables that are known already."""
    for row in await connection.fetch(_COLUMNS, schemas):
        if Key("table", row["schema"], "", row["table"]) not in found.things:
            continue
        column = _column(row)
        own = ("pg_class", row["table_oid"], row["at"])
        if row["generated"]:
            found.add(column, own, ("pg_attrdef", row["default_oid"], 0))
            continue
        found.add(column, own)
        if row["expression"]:
            found.add(_default(row, column), ("pg_attrdef", row["default_oid"], 0))


def _column(row: Any) -> Thing:
    schema, table, column = row["schema"], row["table"], row["name"]
    type_ = words(row["type"], f"COLLATE {row['collation']}" if row["collation"] else "")
    generated = f"{row['expression']} {_GENERATED[row['generated']]}" if row["generated"] else ""
    identity = f"{_IDENTITY[row['identity']]} ({_options(row)})" if row["identity"] else ""
    storage, compression = _STORAGE.get(row["storage"]), _COMPRESSION.get(row["compression"])
    null = "" if not row["not_null"] else "not valid" if row["validated"] is False else "yes"
    text = words(
        name(column),
        type_,
        f"STORAGE {storage}" if storage else "",
        f"COMPRESSION {compression}" if compression else "",
        f"GENERATED ALWAYS AS ({row['expression']}) {_GENERATED[row['generated']]}" if generated else "",
        f"GENERATED {_IDENTITY[row['identity']]} AS IDENTITY ({_options(row)})" if identity else "",
        f"DEFAULT {row['expression']}" if row["expression"] and not generated else "",
        "NOT NULL" if null == "yes" else "",
    )
    return Thing(
        Key("column", schema, table, column),
        text,
        name(column),
        facts(
            type=type_,
            not_null=null,
            identity=identity,
            generated=generated,
            storage=storage,
            compression=compression,
            statistics=row["target"],
            options=row["options"],
        ),
        on=name(schema, table),
        comment=row["comment"] or "",
        grants=grants(row["grants"]),
        within=Key("table", schema, "", table),
        at=row["at"],
    )


def _default(row: Any, column: Thing) -> Thing:
    return Thing(
        Key("default", *column.key[1:]),
        f"ALTER TABLE {column.on} ALTER COLUMN {column.sql_name} SET DEFAULT {row['expression']};",
        column.sql_name,
        facts(value=row["expression"]),
        on=column.on,
        within=column.key,
    )


def _options(row: Any) -> str:
    """The options of an identity's sequence; its type is the column's."""
    told = sequence_options({**dict(row), "type": row["sequence_type"]})
    return told[told.index("START") :]
