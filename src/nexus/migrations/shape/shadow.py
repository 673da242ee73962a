"""A database of its own beside the living one, for as long as it is needed."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from nexus.migrations.quoting import literal
from nexus.migrations.shape.quoting import name, role

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

PREFIX = "nexus_shadow_"
APPLICATION = "nexus shadow"
YOUNG = 60.0  # seconds that a shadow may be there with nobody connected: it was just made
CONNECT_S = 10.0
_LIKE = """
SELECT pg_encoding_to_char(encoding) AS encoding, datcollate, datctype, datlocprovider::text AS provider,
       datlocale, daticurules, extract(epoch FROM clock_timestamp())::bigint AS now,
       ARRAY(SELECT CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END
                    || E'\\t' || x.privilege_type
             FROM aclexplode(datacl) x WHERE x.grantee <> datdba) AS grants
FROM pg_database WHERE datname = current_database()
"""
_LEFT = f"""
SELECT datname FROM pg_database d
WHERE datname ~ '^{PREFIX}[0-9]+_[0-9a-f]+$'
  AND split_part(datname, '_', 3)::bigint < extract(epoch FROM clock_timestamp()) - $1
  AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname)
"""
_EXTENSIONS = """
SELECT e.extname, n.nspname, e.extversion, n.oid >= 16384 AS own,
       ARRAY(SELECT CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END
                    || E'\\t' || x.privilege_type
             FROM aclexplode(n.nspacl) x WHERE x.grantee <> n.nspowner) AS grants
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.oid >= 16384 AND e.extname <> ALL ($1) ORDER BY e.oid
"""
# Those that a session can set; the others are the server's matter.
_SETTINGS = """
SELECT split_part(told, '=', 1) AS name, substr(told, strpos(told, '=') + 1) AS value
FROM pg_db_role_setting s, unnest(s.setconfig) AS told
WHERE s.setrole = 0 AND s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND NOT EXISTS (SELECT FROM pg_settings g WHERE g.name = split_part(told, '=', 1)
                  AND g.context NOT IN ('user', 'superuser'))
"""
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


@asynccontextmanager
async def shadow(url: str, own: Collection[str] = (), making: Collection[str] = ()) -> AsyncIterator[str]:
    """The address of an empty database on the same server, like the one of `url` (a superuser's): encoding,
    locale, grants, settings, the extensions with their schemas. It is dropped at the end.

    `own`: schemas whose rights somebody else gives. `making`: extensions that somebody else makes.

    A shadow whose maker was killed is dropped by the next call: nobody is connected to it, and its name says
    that it is older than a minute.

    Raises:
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    living = await asyncpg.connect(url, timeout=CONNECT_S)
    try:
        await _clear(living)
        like: Any = await living.fetchrow(_LIKE)
        extensions = await living.fetch(_EXTENSIONS, list(making))
        told = await living.fetch(_SETTINGS)
        database = f"{PREFIX}{like['now']}_{secrets.token_hex(4)}"
        try:
            await living.execute(_create(database, like))
            async with _kept(_beside(url, database)) as connection:
                await connection.execute(_basics(database, like))
                for sql in _extended(extensions, own):
                    await connection.execute(sql)
                settings = [(each["name"], each["value"]) for each in told]
                for setting, value in (*settings, ("synchronous_commit", "off")):  # after a crash it is gone
                    await _set(connection, database, setting, value)
                yield _beside(url, database)
        finally:
            await living.execute(f"DROP DATABASE IF EXISTS {name(database)} WITH (FORCE)")
    finally:
        await living.close()


@asynccontextmanager
async def _kept(url: str) -> AsyncIterator[Connection]:
    """A connection that says that the shadow is in use."""
    connection = await asyncpg.connect(
        url, timeout=CONNECT_S, server_settings={"application_name": APPLICATION}
    )
    try:
        yield connection
    finally:
        await connection.close()


async def _clear(living: Connection) -> None:
    for row in await living.fetch(_LEFT, YOUNG):
        try:
            await living.execute(f"DROP DATABASE IF EXISTS {name(row['datname'])}")
        except asyncpg.ObjectInUseError:
            continue  # somebody has just connected to it; the next call looks again


def _create(database: str, like: Any) -> str:
    words = [
        f"CREATE DATABASE {name(database)} TEMPLATE template0 ENCODING {literal(like['encoding'])}",
        f"LOCALE_PROVIDER {_PROVIDERS[like['provider']]}",
        f"LC_COLLATE {literal(like['datcollate'])} LC_CTYPE {literal(like['datctype'])}",
    ]
    if like["datlocale"]:
        words.append(f"{'ICU' if like['provider'] == 'i' else 'BUILTIN'}_LOCALE {literal(like['datlocale'])}")
    if like["daticurules"]:
        words.append(f"ICU_RULES {literal(like['daticurules'])}")
    return " ".join(words)


def _basics(database: str, like: Any) -> str:
    sql = [
        f"REVOKE ALL ON DATABASE {name(database)} FROM PUBLIC",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    ]
    for each in like["grants"] or ():
        who, _, right = each.partition("\t")
        sql.append(f"GRANT {right} ON DATABASE {name(database)} TO {role(who)}")
    return ";\n".join(sql)


def _extended(extensions: list[Any], own: Collection[str]) -> Iterator[str]:
    for each in extensions:
        schema = name(each["nspname"])
        if each["own"]:
            yield f"CREATE SCHEMA IF NOT EXISTS {schema}"
        for told in each["grants"] if each["nspname"] not in own else ():
            who, _, right = told.partition("\t")
            yield f"GRANT {right} ON SCHEMA {schema} TO {role(who)}"
        version = literal(each["extversion"])
        yield f"CREATE EXTENSION {name(each['extname'])} SCHEMA {schema} VERSION {version}"


async def _set(connection: Connection, database: str, setting: str, value: str) -> None:
    """As `ALTER DATABASE … SET`, with the value as the catalogue keeps it."""
    async with connection.transaction():
        await connection.execute("SELECT set_config($1, $2, true)", setting, value)
        dotted = name(*setting.split("."))
        await connection.execute(f"ALTER DATABASE {name(database)} SET {dotted} FROM CURRENT")


def _beside(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(database)}"))
