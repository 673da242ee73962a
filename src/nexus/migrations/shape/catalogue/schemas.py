"""Schemas, extensions in them, and the default privileges of what will be made in them."""

from __future__ import annotations

from nexus.migrations.quoting import literal
from nexus.migrations.shape.catalogue.found import Connection, Found, acl, facts, grants
from nexus.migrations.shape.quoting import name
from nexus.migrations.shape.thing import Key, Thing

_SCHEMAS = f"""
SELECT n.oid, n.nspname AS schema, pg_get_userbyid(n.nspowner) AS owner,
       obj_description(n.oid, 'pg_namespace') AS comment,
       {acl("n.nspacl", "acldefault('n', n.nspowner)")} AS grants,
       {acl("acldefault('n', n.nspowner)")} AS usual
FROM pg_namespace n WHERE n.nspname = ANY ($1)
"""
_EXTENSIONS = """
SELECT e.oid, n.nspname AS schema, e.extname AS name, e.extversion AS version,
       obj_description(e.oid, 'pg_extension') AS comment
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE n.nspname = ANY ($1)
"""
_PRIVILEGES = f"""
SELECT d.oid, n.nspname AS schema, pg_get_userbyid(d.defaclrole) AS role, d.defaclobjtype::text AS type,
       {acl("d.defaclacl")} AS grants
FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace WHERE n.nspname = ANY ($1)
"""
OBJECTS = {"r": "TABLES", "S": "SEQUENCES", "f": "FUNCTIONS", "T": "TYPES"}


async def read(connection: Connection, schemas: list[str], found: Found) -> None:
    """Take in the schemas themselves."""
    for row in await connection.fetch(_SCHEMAS, schemas):
        sql_name = name(row["schema"])
        thing = Thing(
            Key("schema", row["schema"], "", row["schema"]),
            f"CREATE SCHEMA {sql_name};",
            sql_name,
            owner=row["owner"],
            comment=row["comment"] or "",
            grants=grants(row["grants"]),
            usual=grants(row["usual"]),
        )
        found.add(thing, ("pg_namespace", row["oid"], 0))
    for row in await connection.fetch(_EXTENSIONS, schemas):
        sql_name = name(row["name"])
        thing = Thing(
            Key("extension", row["schema"], "", row["name"]),
            f"CREATE EXTENSION {sql_name} SCHEMA {name(row['schema'])} VERSION {literal(row['version'])};",
            sql_name,
            facts(version=row["version"]),
            comment=row["comment"] or "",
        )
        found.add(thing, ("pg_extension", row["oid"], 0))
    for row in await connection.fetch(_PRIVILEGES, schemas):
        objects = OBJECTS[row["type"]]
        thing = Thing(
            Key("default privileges", row["schema"], "", f"{row['role']} {objects.lower()}"),
            "",
            f"FOR ROLE {name(row['role'])} IN SCHEMA {name(row['schema'])}",
            on=objects,
            grants=grants(row["grants"]),
        )
        found.add(thing, ("pg_default_acl", row["oid"], 0))
