"""The brick as the platform runs it: built once for the session, then started from its build."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from nexus_kit.testing import ModuleProcess, PostgresServer, ValkeyServer, modules
from nexus_kit.testing.keys import KeyServer

from nexus.runtimes.home import Home
from nexus.runtimes.process.drivers import node
from nexus.runtimes.site import Site
from nexus.stack import load_stack

BRICK = Path(__file__).resolve().parents[1]
NOWHERE = "http://127.0.0.1:9"
STACK = """\
name: clinic
bricks: [appointments]
modules: {appointments: on}
infrastructure:
  postgres: {kind: database, runtime: postgres, port: 5433}
  redis: {kind: cache, runtime: valkey, port: 6379}
  auth: {kind: module, runtime: command, command: [auth], port: 5002}
"""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The brick's build, made by the same code that `nexus up` calls; Prisma finds no engine to download."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js and npm are not on PATH")
    root = tmp_path_factory.mktemp("clinic")
    (root / "nexus.yaml").write_text(STACK)
    shutil.copytree(BRICK, root / "appointments", ignore=shutil.ignore_patterns("node_modules", "dist"))
    home = Home.at(root / "home")
    home.root.mkdir()
    stack = load_stack(root)
    site = Site(stack, home, {service.name: service.port or 0 for service in stack.services})
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PRISMA_ENGINES_MIRROR", NOWHERE)
        await node.build(site, stack.service("appointments"))
    return node.folder(site, stack.service("appointments"))


@pytest.fixture
def start_appointments(
    built: Path, start_module: Callable[..., Awaitable[ModuleProcess]]
) -> Callable[..., Awaitable[ModuleProcess]]:
    """Starts the brick with a database and a stream of its own."""

    async def start(**options: Any) -> ModuleProcess:
        return await start_module("appointments", folder=built, **options)

    return start


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clinic(
    built: Path, pg: PostgresServer, valkey: ValkeyServer, key_server: KeyServer
) -> AsyncIterator[ModuleProcess]:
    """One instance for the tests that disturb nobody: each has resources and customers of its own."""
    async with modules(pg, valkey, key_server) as start:
        yield await start("appointments", folder=built)


@pytest.fixture
def customer() -> Callable[..., Awaitable[UUID]]:
    """Makes a customer that the CRM has told of, and that the brick knows by now."""

    async def make(module: ModuleProcess, name: str = "Ana", **options: Any) -> UUID:
        customer_id = uuid4()
        data = {"customer_id": str(customer_id), "name": name, "email": None, "status": "active"}
        await module.publish("crm", "customer.created", customer_id, data, **options)

        async def known() -> bool:
            found = await module.admin.fetchval("SELECT name FROM customers WHERE id = $1", customer_id)
            return bool(found == name)

        await module.wait(known)
        return customer_id

    return make


@pytest.fixture
def wanted() -> Callable[..., dict[str, Any]]:
    """The body of a booking; each has a resource of its own unless one is named."""

    def make(customer_id: UUID, resource: str | None = None, day: int = 1, hour: int = 9) -> dict[str, Any]:
        return {
            "customer_id": str(customer_id),
            "resource": resource or f"room {uuid4()}",
            "starts_at": f"2031-05-{day:02d}T{hour:02d}:00:00-03:00",
            "ends_at": f"2031-05-{day:02d}T{hour + 1:02d}:00:00-03:00",
        }

    return make
