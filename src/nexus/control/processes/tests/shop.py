"""A brick for tests: quick, slow and endless answers, a polite end, and every way not to start."""

import os
import sys

MOOD = os.environ.get("MOOD", "")
if MOOD == "ends":
    sys.exit("there is no such table")

import asyncio  # noqa: E402 - what ends at once need not wait for these
import time  # noqa: E402
from pathlib import Path  # noqa: E402

from aiohttp import WSCloseCode, web  # noqa: E402

VERSION = Path(__file__).with_name("version.txt").read_text().strip()
BEGAN = time.monotonic()
ending = asyncio.Event()


async def answer(request: web.Request) -> web.Response:
    await asyncio.sleep(float(request.query.get("s", "0")))
    told = {"version": VERSION, "instance": os.environ.get("NEXUS_INSTANCE", "")}
    return web.json_response(told, status=500 if MOOD == "fails" else 200)


async def ready(request: web.Request) -> web.Response:
    late = time.monotonic() - BEGAN > 1.0
    return web.Response(status=503 if MOOD == "never ready" or (MOOD == "soon unready" and late) else 200)


async def stream(request: web.Request) -> web.StreamResponse:
    """Events until the client goes or the process ends; then the stream is ended as it should be."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    while not ending.is_set():
        await response.write(f"data: {VERSION}\n\n".encode())
        await asyncio.wait([asyncio.ensure_future(ending.wait())], timeout=0.1)
    return response


async def socket(request: web.Request) -> web.WebSocketResponse:
    connection = web.WebSocketResponse()
    await connection.prepare(request)
    closing = asyncio.create_task(close(connection))
    async for message in connection:
        await connection.send_str(f"{VERSION} {message.data}")
    closing.cancel()
    return connection


async def close(connection: web.WebSocketResponse) -> None:
    await ending.wait()
    await connection.close(code=WSCloseCode.SERVICE_RESTART)


async def end(app: web.Application) -> None:
    ending.set()


app = web.Application()
app.add_routes([web.get("/ready", ready), web.get("/stream", stream), web.get("/ws", socket)])
app.add_routes([web.route("*", "/{path:.*}", answer)])
app.on_shutdown.append(end)
web.run_app(app, host=os.environ["HOST"], port=int(os.environ["PORT"]), print=None, shutdown_timeout=5)
