"""A running users module with its first company, and a sign-in module beside it when a test needs one."""

import hashlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from nexus_kit.testing import ModuleProcess, PostgresServer, Snapshot, ValkeyServer, modules
from nexus_kit.testing.keys import KeyServer

PASSWORD = "quarenta-e-duas-capivaras"
CLIENT_SECRET = "users-client-secret"
NOTHING_TO_SEND = "SELECT NOT EXISTS (SELECT FROM outgoing_mail WHERE state = 'pending' AND attempts = 0)"
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

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **claims: Any,
    ) -> Answer:
        """A request below /api/users, as the administrator unless `claims` say otherwise."""
        headers = {**self.bearer(**claims), **(headers or {})}
        if not path.startswith("/health"):
            path = f"/api/users{path}"
        async with self.process.http.request(method, path, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def good(self, method: str, path: str, body: Any = None, **claims: Any) -> Any:
        """A request that must succeed; returns its body."""
        status, answer = await self.call(method, path, body, **claims)
        assert status < 300, answer
        return answer

    def bearer(self, **claims: Any) -> dict[str, str]:
        return self.process.headers(**{"company_id": self.company_id, "user_id": self.admin_id, **claims})

    async def role(self, name: str, permissions: list[str], parents: list[str] = []) -> str:  # noqa: B006
        body = {"name": name, "permissions": permissions, "parents": parents}
        return (await self.good("POST", "/roles", body))["id"]

    async def person(self, email: str, *roles: str, company_id: UUID | None = None) -> UUID:
        """Put a person straight into the tables."""
        user_id, company_id = uuid4(), company_id or self.company_id
        await self.process.admin.execute(
            "INSERT INTO users (id, company_id, email, name) VALUES ($1, $2, $3, $3)",
            user_id,
            company_id,
            email,
        )
        await self.process.admin.executemany(
            "INSERT INTO user_roles (company_id, user_id, role_id) VALUES ($1, $2, $3)",
            [(company_id, user_id, UUID(role)) for role in roles],
        )
        return user_id

    async def administrator_role(self) -> str:
        return str(
            await self.process.admin.fetchval("SELECT id FROM roles WHERE built_in ORDER BY id LIMIT 1")
        )


@pytest.fixture(scope="session")
def bootstrap() -> dict[str, Any]:
    return {
        "company": {
            "id": str(Face.company_id),
            "name": "Loja Exemplo",
            "tax_id": "11.222.333/0001-81",
            "currency": "BRL",
        },
        "admin": {
            "id": str(Face.admin_id),
            "email": Face.email,
            "name": "Ada Admin",
            "password": PASSWORD,
        },
    }


@pytest.fixture(scope="session")
def secrets(bootstrap: dict[str, Any]) -> dict[str, Any]:
    return {"mail_key": "m" * 43, "client_secret": CLIENT_SECRET, "bootstrap": bootstrap}


@pytest_asyncio.fixture(loop_scope="session")
async def start_users(
    start_module: Callable[..., Awaitable[ModuleProcess]], secrets: dict[str, Any], tmp_path: Path
) -> Callable[..., Awaitable[Face]]:
    async def start() -> Face:
        env = {"NEXUS_STATE_DIR": str(tmp_path)}
        return Face(await start_module("users", secrets=secrets, env=env), tmp_path)

    return start


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_users(
    pg: PostgresServer,
    valkey: ValkeyServer,
    key_server: KeyServer,
    secrets: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Face, Snapshot]]:
    state = tmp_path_factory.mktemp("users")
    async with modules(pg, valkey, key_server) as start:
        process = await start("users", secrets=secrets, env={"NEXUS_STATE_DIR": str(state)})
        yield Face(process, state), await Snapshot.take(process)


@pytest_asyncio.fixture(loop_scope="session")
async def users(shared_users: tuple[Face, Snapshot]) -> Face:
    """The module as after its first start, on a shared process: a test that kills it starts its own."""
    face, snapshot = shared_users
    await renew(face, snapshot)
    return face


async def renew(face: Face, snapshot: Snapshot) -> None:
    """Everything as after the first start, once the letters of the test before are delivered."""
    await face.process.wait(lambda: face.process.admin.fetchval(NOTHING_TO_SEND))
    await snapshot.restore()
    shutil.rmtree(face.state / "mail", ignore_errors=True)


@dataclass(frozen=True)
class Together:
    """users and auth as they run in a stack: one Valkey, tokens and credentials between them."""

    users: Face
    auth: ModuleProcess

    async def sign_in(self, email: str, password: str = PASSWORD) -> Answer:
        body = {"email": email, "password": password}
        async with self.auth.http.post("/api/auth/login", json=body) as answer:
            return answer.status, await answer.json()

    async def accept(self, token: str, password: str = PASSWORD, name: str = "Ana Souza") -> Answer:
        body = {"token": token, "name": name, "password": password}
        async with self.users.process.http.post("/api/users/invitations/accept", json=body) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def side_by_side(
    start: Callable[..., Awaitable[ModuleProcess]], secrets: dict[str, Any], state: Path
) -> AsyncIterator[Together]:
    """Start both, as `start_module` starts modules."""
    env = {"NEXUS_STATE_DIR": str(state)}
    first = await start("users", secrets=secrets, env=env, wait=False)
    await first.kill()
    of_auth = {
        "redis_url": first.redis_url,
        "key_encryption_key": "k" * 43,
        "service_clients": {"users": hashlib.sha256(CLIENT_SECRET.encode()).hexdigest()},
        "bootstrap": secrets["bootstrap"],
    }
    issuer = await start("auth", secrets=of_auth)
    jwks = f"{issuer.url}/.well-known/jwks.json"
    auth = await start("auth", secrets=of_auth, like=issuer, instance="auth-2", env={"NEXUS_JWKS_URL": jwks})
    users = await start("users", secrets=secrets, env=env, like=first, needs={"auth": auth.url})
    yield Together(Face(users, state), auth)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_together(
    pg: PostgresServer,
    valkey: ValkeyServer,
    key_server: KeyServer,
    secrets: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Together, Snapshot, Snapshot]]:
    state = tmp_path_factory.mktemp("together")
    async with modules(pg, valkey, key_server) as start, side_by_side(start, secrets, state) as both:
        yield both, await Snapshot.take(both.users.process), await Snapshot.take(both.auth)


@pytest_asyncio.fixture(loop_scope="session")
async def together(shared_together: tuple[Together, Snapshot, Snapshot]) -> Together:
    """Both as after their first start, on shared processes."""
    both, of_users, of_auth = shared_together
    await renew(both.users, of_users)
    await of_auth.restore()
    return both


@pytest_asyncio.fixture(loop_scope="session")
async def own_together(
    start_module: Callable[..., Awaitable[ModuleProcess]], secrets: dict[str, Any], tmp_path: Path
) -> AsyncIterator[Together]:
    """Both, on processes the test may kill."""
    async with side_by_side(start_module, secrets, tmp_path) as both:
        yield both
