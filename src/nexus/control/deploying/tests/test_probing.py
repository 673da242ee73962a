"""Where probes meet the release that is let in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from nexus.control.candidates import Candidate
from nexus.control.deploying.evidence.probing import SIDE, Probing
from nexus.control.deploying.evidence.view import View
from nexus.runtimes.home import Home
from nexus.runtimes.site import LOOPBACK, Site
from nexus.stack import Probe, load_stack
from nexus.stack.probe import ProbeStep

STACK = """\
name: small
infrastructure:
  gate: {kind: gateway, runtime: haproxy, port: 9000}
  way-in: {kind: edge, runtime: nginx, port: 9080}
"""
BRICK = "{name: shop, runtime: python, command: [python, -m, shop], port: 9001, routes: [/]}"
STEP = ProbeStep("buy", {}, "GET", "/buy", None, (200,), {}, {}, 0.0, False)
PROBE = Probe("buy", "sell", {}, 60.0, 5.0, {}, {}, ("shop",), (STEP,))


@pytest.mark.parametrize("contained", [False, True])
async def test_probes_are_sent_through_the_candidate_on_every_runtime(
    contained: bool, tmp_path: Path
) -> None:
    """The gateway's port is on this machine's loopback, in containers too."""
    brick = tmp_path / "modules" / "shop"
    brick.mkdir(parents=True)
    (tmp_path / "nexus.yaml").write_text(STACK)
    (brick / "module.yaml").write_text(BRICK)
    stack = replace(load_stack(tmp_path), probes={"buy": PROBE})
    asked: list[str] = []
    both = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.headers[SIDE])
        if len(asked) == 2:
            both.set()
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/buy", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0).start()
        port = runner.addresses[0][1]
        site = Site(stack, Home.at(tmp_path / "home"), {"gate": port, "way-in": 1}, contained)
        view = View.step(stack.service("shop"), Candidate("shop", "new", 1, 50), 50, 0.0)
        probing = Probing(site, view)
        running = asyncio.create_task(probing.run())
        async with asyncio.timeout(30):
            await both.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    finally:
        await runner.cleanup()
    assert not probing.missing
    assert asked == ["stable", "candidate"]
