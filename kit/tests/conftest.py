from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from nexus_kit.database import Database
from nexus_kit.testing import ModuleProcess, PostgresServer, Snapshot, ValkeyServer, modules
from nexus_kit.testing.keys import KeyServer

ECHO = Path(__file__).parent / "echo_module"


@pytest.fixture
def start_echo(
    start_module: Callable[..., Awaitable[ModuleProcess]],
) -> Callable[..., Awaitable[ModuleProcess]]:
    async def start(**options: Any) -> ModuleProcess:
        return await start_module("echo", folder=ECHO, **options)

    return start


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def echo_shared(
    pg: PostgresServer, valkey: ValkeyServer, key_server: KeyServer
) -> AsyncIterator[ModuleProcess]:
    """One module for all tests of a file that leave nothing behind which matters to others."""
    async with modules(pg, valkey, key_server) as start:
        yield await start("echo", folder=ECHO)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def first_rows(echo_shared: ModuleProcess) -> Snapshot:
    return await Snapshot.take(echo_shared)


@pytest_asyncio.fixture(loop_scope="session")
async def echo(echo_shared: ModuleProcess, first_rows: Snapshot) -> ModuleProcess:
    """The file's module with nothing written, for tests that neither kill it nor leave events pending."""
    await first_rows.restore()
    return echo_shared


@pytest_asyncio.fixture(loop_scope="session")
async def stopped(start_echo: Callable[..., Any]) -> AsyncIterator[ModuleProcess]:
    """The module's database and stream, without its process."""
    echo = await start_echo()
    await echo.stop()
    yield echo


@pytest_asyncio.fixture(loop_scope="session")
async def database(stopped: ModuleProcess) -> AsyncIterator[Database]:
    database = Database(stopped.app_dsn, "echo")
    await database.open()
    yield database
    await database.close()
