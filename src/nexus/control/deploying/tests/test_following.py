"""What is asked of telemetry, and whether its answers are of these seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from nexus.control.candidates import Candidate
from nexus.control.deploying.evidence.collected import Collected
from nexus.control.deploying.evidence.following import Following
from nexus.control.deploying.evidence.view import View
from nexus.releases.guard import BEFORE
from nexus.stack import Service, load_stack

BRICK = """\
{name: shop, runtime: python, command: [python, -m, shop], port: 9001, routes: [/],
 rollout: {strategy: canary, sticky: true}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Service:
    brick = tmp_path / "modules" / "shop"
    brick.mkdir(parents=True)
    (tmp_path / "nexus.yaml").write_text("name: small\n")
    (brick / "module.yaml").write_text(BRICK)
    return load_stack(tmp_path).service("shop")


@asynccontextmanager
async def telemetry(socket: Path, behind: float) -> AsyncIterator[None]:
    """Answers as the collector does that is so many seconds behind."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"behind": behind})

    app = web.Application()
    app.add_routes([web.get("/{path:.*}", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(socket)).start()
        yield
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("behind", "fresh"), [(0.5, True), (12.0, False)])
async def test_answers_of_telemetry_that_is_behind_are_not_of_these_seconds(
    behind: float, fresh: bool, shop: Service, tmp_path: Path
) -> None:
    socket = tmp_path / "telemetry.sock"
    following = Following(Collected(socket, ("gate",)), View.bake(shop, None, 1.0), BEFORE)
    assert not following.fresh
    async with telemetry(socket, behind):
        running = asyncio.create_task(following.run())
        async with asyncio.timeout(30):
            while not following.sides:
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert following.fresh is fresh


def test_users_who_stick_count_once_only_over_the_same_minutes(shop: Service) -> None:
    candidate = Candidate("shop", "new", 1, 50)
    assert View.step(shop, candidate, 50, 1.0).sticky
    assert not View.step(shop, candidate, 100, 1.0).sticky
    assert not View.bake(shop, None, 1.0).sticky
    loose = replace(shop, rollout=shop.rollout.model_copy(update={"sticky": False}))
    assert not View.step(loose, candidate, 50, 1.0).sticky
