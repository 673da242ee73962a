"""What the agent answers: modules on /v1/…, the collector on /pull and /scrape, gateways and the host on
/traffic, the engine on /health/….
"""

from __future__ import annotations

import asyncio
import base64
import json

from aiohttp import web

from nexus.telemetry.agent.access import Handler, only_with
from nexus.telemetry.agent.allowed import Allowed, TargetsError, targets_in
from nexus.telemetry.agent.asking import ask_all
from nexus.telemetry.agent.receiving import LARGEST, SIGNALS, Receiving
from nexus.telemetry.agent.shares import Shares
from nexus.telemetry.agent.sharing import sharing
from nexus.telemetry.agent.spool import Payload, Spool

ANSWER = (
    3 << 20
)  # bytes of payloads in one answer: less than 4 MiB when written in base 64, which adds a third
LONGEST_WAIT = 30.0  # seconds
ROUNDS = 2  # of questions at once


def application(spool: Spool, allowed: Allowed, token: str = "") -> web.Application:
    """The application on port 4318. `token` is what the host proves itself by; "" where it cannot: then
    whoever reaches the agent may ask it, but nobody may tell it anything.
    """
    receiving, rounds, shares = Receiving(spool), asyncio.Semaphore(ROUNDS), Shares()

    async def live(request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "kept": spool.size, "dropped": spool.dropped})

    async def pull(request: web.Request) -> web.Response:
        try:
            boot, number = _after(request.query.get("after", ""))
            seconds = min(max(float(request.query.get("wait", "0")), 0.0), LONGEST_WAIT)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        if boot == spool.boot:
            spool.acknowledge(number)
        await spool.wait(seconds)
        taken = spool.take(ANSWER)
        answer = {
            "boot": spool.boot,
            "cursor": taken[-1].number if taken else spool.acknowledged,
            "dropped": spool.dropped,
            "payloads": [_told(payload) for payload in taken],
        }
        return web.json_response(answer)

    async def scrape(request: web.Request) -> web.Response:
        try:
            asked = targets_in(json.loads(await request.text()))
        except TargetsError as error:
            return web.json_response({"error": str(error)}, status=400)
        except ValueError:
            return web.json_response({"error": "the body is no JSON"}, status=400)
        refused = [f"{each.service}:{each.port}" for each in asked if not allowed.permits(each)]
        if refused and len(refused) == len(asked):
            return web.json_response({"error": f"not among the targets: {', '.join(refused)}"}, status=403)
        async with rounds:
            found = await ask_all(
                allowed.aimed(each, shares.let_in) for each in asked if allowed.permits(each)
            )
        return web.json_response(found, headers={"X-Nexus-Refused": ", ".join(refused)} if refused else {})

    def guarded(handler: Handler) -> Handler:
        return only_with(token, handler) if token else handler

    app = web.Application(client_max_size=LARGEST)
    app.add_routes(
        [
            web.get("/health/live", live),
            web.get("/pull", guarded(pull)),
            web.post("/scrape", guarded(scrape)),
            *(web.post(f"/v1/{signal}", receiving.handler(signal)) for signal in SIGNALS),
            *sharing(shares, token),
        ]
    )
    return app


def _after(text: str) -> tuple[str, int]:
    """Boot and number in `BOOT:NUMBER`; nothing acknowledged for an empty text."""
    if not text:
        return "", 0
    boot, colon, number = text.rpartition(":")
    if not colon or not number.isdecimal():
        raise ValueError("after is BOOT:CURSOR of the last answer")
    return boot, int(number)


def _told(payload: Payload) -> dict[str, str]:
    return {
        "signal": payload.signal,
        "type": payload.type,
        "encoding": payload.encoding,
        "body": base64.b64encode(payload.body).decode("ascii"),
    }
