"""A running users module with its first company, and a sign-in module beside it when a test needs one."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from nexus_kit.testing import ModuleProcess

PASSWORD = "quarenta-e-duas-capivaras"
CLIENT_SECRET = "users-client-secret"
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


@pytest_asyncio.fixture(loop_scope="session")
async def start_users(
    start_module: Callable[..., Awaitable[ModuleProcess]], bootstrap: dict[str, Any], tmp_path: Path
) -> Callable[..., Awaitable[Face]]:
    async def start(env: Mapping[str, str] | None = None, **options: Any) -> Face:
        secrets = {"mail_key": "m" * 43, "client_secret": CLIENT_SECRET, "bootstrap": bootstrap}
        env = {"NEXUS_STATE_DIR": str(tmp_path), **(env or {})}
        return Face(await start_module("users", secrets=secrets, env=env, **options), tmp_path)

    return start


@pytest_asyncio.fixture(loop_scope="session")
async def users(start_users: Callable[..., Awaitable[Face]]) -> Face:
    return await start_users()


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


@pytest_asyncio.fixture(loop_scope="session")
async def together(
    start_module: Callable[..., Awaitable[ModuleProcess]],
    start_users: Callable[..., Awaitable[Face]],
    bootstrap: dict[str, Any],
) -> Together:
    users = await start_users(wait=False)
    await users.process.kill()
    secrets = {
        "redis_url": users.process.redis_url,
        "key_encryption_key": "k" * 43,
        "service_clients": {"users": hashlib.sha256(CLIENT_SECRET.encode()).hexdigest()},
        "bootstrap": bootstrap,
    }
    issuer = await start_module("auth", secrets=secrets)
    jwks = f"{issuer.url}/.well-known/jwks.json"
    auth = await start_module(
        "auth", secrets=secrets, like=issuer, instance="auth-2", env={"NEXUS_JWKS_URL": jwks}
    )
    return Together(await start_users(like=users.process, needs={"auth": auth.url}), auth)
