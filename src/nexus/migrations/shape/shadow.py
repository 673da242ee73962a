"""A database of its own beside the living one, for as long as it is needed."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from nexus.migrations.shape.quoting import literal, name, role

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
SELECT e.extname, n.nspname, e.extversion FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE n.nspname = 'public' ORDER BY e.oid
"""
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


@asynccontextmanager
async def shadow(url: str) -> AsyncIterator[str]:
    """The address of an empty database on the same server, like the one of `url` (a superuser's): encoding,
    locale, grants, the extensions in its schema public. It is dropped at the end.

    A shadow whose maker was killed is dropped by the next call: nobody is connected to it, and its name says
    that it is older than a minute.

    Raises:
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    living = await asyncpg.connect(url, timeout=CONNECT_S)
    try:
        await _clear(living)
        like: Any = await living.fetchrow(_LIKE)
        extensions = await living.fetch(_EXTENSIONS)
        database = f"{PREFIX}{like['now']}_{secrets.token_hex(4)}"
        try:
            await living.execute(_create(database, like))
            async with _kept(_beside(url, database)) as connection:
                await connection.execute(_basics(database, like, extensions))
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


def _basics(database: str, like: Any, extensions: list[Any]) -> str:
    sql = [
        f"REVOKE ALL ON DATABASE {name(database)} FROM PUBLIC",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"ALTER DATABASE {name(database)} SET synchronous_commit = off",  # nobody misses it after a crash
    ]
    for each in like["grants"] or ():
        who, _, right = each.partition("\t")
        sql.append(f"GRANT {right} ON DATABASE {name(database)} TO {role(who)}")
    for each in extensions:
        version = literal(each["extversion"])
        sql.append(f"CREATE EXTENSION {name(each['extname'])} SCHEMA public VERSION {version}")
    return ";\n".join(sql)


def _beside(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(database)}"))
