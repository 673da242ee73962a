from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from nexus_kit.testing import ModuleProcess, PostgresServer, ValkeyServer, modules
from nexus_kit.testing.keys import KeyServer

ECHO = Path(__file__).parent / "echo_module"


@pytest.fixture
def start_echo(
    start_module: Callable[..., Awaitable[ModuleProcess]],
) -> Callable[..., Awaitable[ModuleProcess]]:
    async def start(**options: Any) -> ModuleProcess:
        return await start_module("echo", folder=ECHO, **options)

    return start


@pytest_asyncio.fixture(loop_scope="session")
async def echo(start_echo: Callable[..., Awaitable[ModuleProcess]]) -> AsyncIterator[ModuleProcess]:
    yield await start_echo()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def echo_shared(
    pg: PostgresServer, valkey: ValkeyServer, key_server: KeyServer
) -> AsyncIterator[ModuleProcess]:
    """One module for all tests of a file that leave nothing behind which matters to others."""
    async with modules(pg, valkey, key_server) as start:
        yield await start("echo", folder=ECHO)
