"""A user's client in front of a server that is sometimes away and whose sessions end."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from aiohttp import web
from nexus_company.client import ApiError, Client


@dataclass
class Door:
    """A server with logins that takes the newest token only, once it has given its `answers`."""

    url: str = ""
    logins: int = 0
    answers: list[int] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    async def log_in(self, request: web.Request) -> web.Response:
        self.logins += 1
        return web.json_response({"access_token": f"token {self.logins}"})

    async def order(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Idempotency-Key"))
        if self.answers:
            return web.json_response({"detail": "not now"}, status=self.answers.pop(0))
        if request.headers["Authorization"] != f"Bearer token {self.logins}":
            return web.json_response({"detail": "session ended"}, status=401)
        return web.json_response({"id": "1"}, status=201)


@pytest_asyncio.fixture(loop_scope="session")
async def door() -> AsyncIterator[Door]:
    door = Door()
    app = web.Application()
    app.router.add_post("/api/auth/login", door.log_in)
    app.router.add_post("/orders", door.order)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    door.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield door
    await runner.cleanup()


async def test_a_session_that_ends_while_the_server_is_away_is_renewed_and_the_write_keeps_its_key(
    door: Door,
) -> None:
    async with Client(door.url, "ana@example.com", "secret") as client:
        door.answers = [503, 502, 401]
        assert await client.post("/orders", {}) == {"id": "1"}
        assert (door.logins, client.retries) == (2, 2)
        assert len(door.keys) == 4
        assert len(set(door.keys)) == 1


async def test_what_is_refused_for_good_is_not_tried_again(door: Door) -> None:
    async with Client(door.url, "ana@example.com", "secret") as client:
        door.answers = [422]
        with pytest.raises(ApiError, match="not now"):
            await client.post("/orders", {})
        door.answers = [401, 401]
        with pytest.raises(ApiError, match="401"):
            await client.post("/orders", {})
        assert client.retries == 0
