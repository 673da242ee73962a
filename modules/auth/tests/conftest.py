"""A running auth module with its first administrator."""

import hashlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from nexus_kit.testing import ModuleProcess, PostgresServer, Snapshot, ValkeyServer, modules
from nexus_kit.testing.keys import KeyServer

PASSWORD = "quarenta-e-duas-capivaras"
NOTHING_TO_SEND = """
SELECT NOT EXISTS (SELECT FROM reset_requests)
    AND NOT EXISTS (SELECT FROM outgoing_mail WHERE state = 'pending' AND attempts = 0)
"""
Answer = tuple[int, Any]


@dataclass(frozen=True)
class Face:
    """The module's HTTP face as a client sees it."""

    process: ModuleProcess
    state: Path
    company_id = UUID("0199bbbb-0000-7000-8000-000000000001")
    admin_id = UUID("0199bbbb-0000-7000-8000-0000000000a1")
    email = "admin@nexus.local"
    password = PASSWORD

    async def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.call("POST", path, body, headers)

    async def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        async with self.process.http.request(method, path, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def login(self, email: str = email, password: str = PASSWORD, **headers: str) -> Answer:
        return await self.post("/api/auth/login", {"email": email, "password": password}, **headers)

    async def refresh(self, token: str, **headers: str) -> Answer:
        return await self.post("/api/auth/refresh", {"refresh_token": token}, **headers)

    def bearer(self, **claims: Any) -> dict[str, str]:
        """The header of a person's token; the administrator's unless told otherwise."""
        return self.process.headers(**{"company_id": self.company_id, "user_id": self.admin_id, **claims})

    async def keep(self, user_id: UUID, email: str, password: str | None = PASSWORD, **more: Any) -> Answer:
        """Write a credential as the users module does."""
        body = {"user_id": str(user_id), "company_id": str(self.company_id), "email": email, **more}
        if password is not None:
            body["password"] = password
        return await self.post("/internal/credentials", body, **self.process.headers(service="users"))


@pytest.fixture(scope="session")
def auth_secrets() -> dict[str, Any]:
    return {
        "key_encryption_key": "k" * 43,
        "service_clients": {"sales": hashlib.sha256(b"sales-secret").hexdigest()},
        "bootstrap": {
            "company": {
                "id": str(Face.company_id),
                "name": "Loja Exemplo",
                "tax_id": "11222333000181",
                "currency": "BRL",
            },
            "admin": {
                "id": str(Face.admin_id),
                "email": Face.email,
                "name": "Ada Admin",
                "password": PASSWORD,
            },
        },
    }


@pytest_asyncio.fixture(loop_scope="session")
async def start_auth(
    start_module: Callable[..., Awaitable[ModuleProcess]], auth_secrets: dict[str, Any], tmp_path: Path
) -> Callable[..., Awaitable[Face]]:
    async def start(env: Mapping[str, str] | None = None, **options: Any) -> Face:
        env = {"NEXUS_STATE_DIR": str(tmp_path), **(env or {})}
        return Face(await start_module("auth", secrets=auth_secrets, env=env, **options), tmp_path)

    return start


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_auth(
    pg: PostgresServer,
    valkey: ValkeyServer,
    key_server: KeyServer,
    auth_secrets: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Face, Snapshot]]:
    state = tmp_path_factory.mktemp("auth")
    async with modules(pg, valkey, key_server) as start:
        process = await start("auth", secrets=auth_secrets, env={"NEXUS_STATE_DIR": str(state)})
        yield Face(process, state), await Snapshot.take(process)


@pytest_asyncio.fixture(loop_scope="session")
async def auth(shared_auth: tuple[Face, Snapshot]) -> Face:
    """The module as after its first start, on a shared process: a test that kills it starts its own."""
    face, snapshot = shared_auth
    await face.process.wait(lambda: face.process.admin.fetchval(NOTHING_TO_SEND))
    await snapshot.restore()
    shutil.rmtree(face.state / "mail", ignore_errors=True)
    return face
