"""The fixtures: servers for the session, modules for each test."""

from __future__ import annotations

import itertools
import secrets as secrets_module
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from nexus_kit.testing.keys import KeyServer
from nexus_kit.testing.module_process import ModuleProcess
from nexus_kit.testing.servers import PostgresServer, ValkeyServer, free_port

MODULES = Path(__file__).resolve().parents[3] / "modules"
PASSWORD = "test-role"
_counter = itertools.count(1)


@pytest.fixture(scope="session")
def pg() -> Iterator[PostgresServer]:
    """A PostgreSQL 18 shared by the session (fsync off)."""
    with PostgresServer.serving() as server:
        yield server


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    """A Valkey shared by the session; each module gets a database number of its own."""
    server = ValkeyServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def start_postgres() -> Iterator[Callable[..., PostgresServer]]:
    """Factory of PostgreSQL servers a test may kill: ``start_postgres(fsync=False)``."""
    yield from _factory(PostgresServer)


@pytest.fixture
def start_valkey() -> Iterator[Callable[..., ValkeyServer]]:
    """Factory of Valkey servers a test may kill: ``start_valkey(aof=False)``."""
    yield from _factory(ValkeyServer)


def _factory(kind: Any) -> Iterator[Callable[..., Any]]:
    made: list[Any] = []

    def start(**options: Any) -> Any:
        server = kind(**options)
        made.append(server)
        server.start()
        return server

    try:
        yield start
    finally:
        for server in made:
            server.remove()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def key_server() -> AsyncIterator[KeyServer]:
    """The token issuer of the tests."""
    server = KeyServer()
    yield server
    await server.close()


@pytest_asyncio.fixture(loop_scope="session")
async def start_module(
    pg: PostgresServer, valkey: ValkeyServer, key_server: KeyServer
) -> AsyncIterator[Callable[..., Any]]:
    """Factory of modules for one test: see ``modules``."""
    async with modules(pg, valkey, key_server) as start:
        yield start


@asynccontextmanager
async def modules(
    pg: PostgresServer, valkey: ValkeyServer, key_server: KeyServer
) -> AsyncIterator[Callable[..., Any]]:
    """Factory of modules: ``await start_module("sales")`` starts its real process and waits until it is
    ready.

    Options: ``folder`` of the brick (default modules/<name>); ``needs`` {module: url} of other bricks;
    ``env`` and ``secrets`` on top of the usual ones (``redis_url`` of another module: share its streams);
    ``wait=False`` not to wait for ready; ``like`` another instance: share its database and stream;
    ``instance`` the instance's name; ``postgres`` and ``redis``: other servers than the session's.
    """
    made: list[ModuleProcess] = []

    async def start(
        name: str,
        *,
        folder: Path | None = None,
        needs: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, Any] | None = None,
        wait: bool = True,
        like: ModuleProcess | None = None,
        instance: str | None = None,
        postgres: PostgresServer | None = None,
        redis: ValkeyServer | None = None,
    ) -> ModuleProcess:
        folder = folder or MODULES / name
        server = postgres or pg
        number = next(_counter)
        if like is None:
            database = f"test_{number}"
            await _make_database(server, database, name, folder)
            app_dsn = server.dsn(name, database, PASSWORD)
            admin_dsn = server.dsn("postgres", database, server.password)
            own = (redis or valkey).database_url(number % 1024)
            redis_url = (secrets or {}).get("redis_url", own)
        else:
            app_dsn, admin_dsn, redis_url = like.app_dsn, like.admin_dsn, like.redis_url
        addresses = {"auth": key_server.url, **(needs or {})}
        process = ModuleProcess(
            name,
            folder,
            free_port(),
            key_server,
            env={
                "NEXUS_JWKS_URL": key_server.jwks_url,
                "NEXUS_INSTANCE": instance or f"{name}-1",
                **{f"NEXUS_URL_{module.upper()}": url for module, url in addresses.items()},
                **(env or {}),
            },
            secrets={
                "database_url": app_dsn,
                "redis_url": redis_url,
                **_declared_secrets(folder),
                **(secrets or {}),
            },
            redis_url=redis_url,
            admin=await asyncpg.connect(admin_dsn),
            app_dsn=app_dsn,
            admin_dsn=admin_dsn,
            command=_manifest(folder).get("command", ()),
            consumes=tuple(_manifest(folder).get("events", {}).get("consumes", ())),
        )
        made.append(process)
        await process.admin.execute(f"SET search_path = {name}")
        await process.start(wait)
        return process

    try:
        yield start
    finally:
        await _close(made)


async def _close(made: list[ModuleProcess]) -> None:
    """Close all, whatever one of them has to complain of."""
    async with AsyncExitStack() as closing:
        for process in made:
            closing.push_async_callback(process.close)


@pytest_asyncio.fixture(loop_scope="session")
async def module_env(start_module: Callable[..., Any]) -> Callable[..., Any]:
    """The same factory under its other name."""
    return start_module


async def _make_database(server: PostgresServer, database: str, schema: str, folder: Path) -> None:
    from nexus.migrations import owner_of, provision
    from nexus.migrations.apply import apply

    admin = await asyncpg.connect(server.admin_dsn)
    try:
        await admin.execute(f"CREATE DATABASE {database}")
    finally:
        await admin.close()
    dsn = server.dsn("postgres", database, server.password)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(provision(schema, schema, PASSWORD))
    finally:
        await connection.close()
    await apply(dsn, schema, owner_of(schema), folder / "migrations")


def _manifest(folder: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    manifest: dict[str, Any] = YAML(typ="safe", pure=True).load(folder / "module.yaml")
    return manifest


def _declared_secrets(folder: Path) -> dict[str, str]:
    """A random text for each secret the manifest names, as the platform generates them."""
    names = {"client_secret", *_manifest(folder).get("secrets", ())} - {"bootstrap", "service_clients"}
    return {name: secrets_module.token_urlsafe(32) for name in names}
