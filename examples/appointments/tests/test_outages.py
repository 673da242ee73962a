"""Servers that go away, and the module's own end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from nexus_kit.testing import ModuleProcess

API = "/api/appointments"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
Wanted = Callable[..., dict[str, Any]]
Customer = Callable[..., Awaitable[UUID]]
Start = Callable[..., Awaitable[ModuleProcess]]


async def get(module: ModuleProcess, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
    async with module.http.get(path, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def book(module: ModuleProcess, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    async with module.http.post(API, json=body, headers=module.headers() | headers) as answer:
        assert answer.status == 201, await answer.text()
        booked: dict[str, Any] = await answer.json()
        return booked


async def test_without_redis_it_goes_on_degraded_and_sends_later(
    start_appointments: Start, start_valkey: Callable[..., Any], customer: Customer, wanted: Wanted
) -> None:
    redis = start_valkey()
    module = await start_appointments(redis=redis)
    customer_id = await customer(module)
    redis.kill()

    async def degraded() -> bool:
        status, ready = await get(module, "/health/ready")
        return status == 200 and ready["degraded"] and not ready["checks"]["redis"]["ok"]

    await module.wait(degraded)
    booked = await book(module, wanted(customer_id))
    redis.start()
    (event,) = await module.events("appointment.booked")
    assert str(event.entity_id) == booked["id"]


async def test_without_its_database_it_waits_and_comes_back(
    start_appointments: Start, start_postgres: Callable[..., Any], customer: Customer, wanted: Wanted
) -> None:
    server = start_postgres(fsync=False)
    module = await start_appointments(postgres=server)
    customer_id = await customer(module)
    server.kill()
    async with module.http.post(API, json=wanted(customer_id), headers=module.headers()) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert (await get(module, "/health/live"))[0] == 200

    async def unready() -> bool:
        return (await get(module, "/health/ready"))[0] == 503

    await module.wait(unready)
    server.start()
    await module.ready()
    await module.reconnect()
    await module.admin.execute("SET search_path = appointments")
    assert await book(module, wanted(customer_id))


async def test_sigterm_finishes_what_is_in_hand_and_ends_with_0(
    start_appointments: Start, customer: Customer, wanted: Wanted
) -> None:
    module = await start_appointments()
    customer_id = await customer(module)
    blocker = await asyncpg.connect(module.admin_dsn)
    await blocker.execute("BEGIN; LOCK TABLE appointments.appointments IN SHARE MODE")
    await module.http.close()  # the next one keeps its connections open for longer than a stop may take
    patient = aiohttp.TCPConnector(keepalive_timeout=75)
    module.http = aiohttp.ClientSession(module.url, connector=patient)
    booking = asyncio.create_task(book(module, wanted(customer_id)))

    async def blocked() -> Any:
        return await module.admin.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")

    await module.wait(blocked)
    ending = asyncio.create_task(module.stop())

    async def unready() -> bool:
        status, ready = await get(module, "/health/ready")
        return status == 503 and not ready["checks"]["draining"]["ok"]

    async def refused() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", int(module.url.rsplit(":", 1)[1]))
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:  # it was just leaving
            return False
        writer.close()
        return False

    await module.wait(unready)
    await module.wait(refused)
    await blocker.execute("COMMIT")
    assert (await booking)["state"] == "booked"
    assert await ending == 0
    assert "not everything ended in time" not in module.logs()
    with pytest.raises(aiohttp.ClientConnectionError):
        await get(module, "/health/live")
    await blocker.close()


async def test_spans_go_to_the_collector_that_the_environment_names(
    start_appointments: Start, customer: Customer, wanted: Wanted
) -> None:
    received: list[bytes] = []

    async def collect(request: web.Request) -> web.Response:
        received.append(await request.read())
        return web.Response()

    collector = web.Application()
    collector.router.add_post("/v1/traces", collect)
    async with TestServer(collector) as server:
        module = await start_appointments(env={"OTEL_EXPORTER_OTLP_ENDPOINT": str(server.make_url(""))})
        await book(module, wanted(await customer(module)), traceparent=TRACE)
        assert await module.stop() == 0
    sent = b"".join(received)
    assert b"handle customer.created" in sent
    assert f"POST {API}".encode() in sent
    assert TRACE[3:35].encode() in sent or bytes.fromhex(TRACE[3:35]) in sent


async def test_a_collector_that_is_away_disturbs_nothing(
    start_appointments: Start, customer: Customer, wanted: Wanted
) -> None:
    module = await start_appointments(env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    await book(module, wanted(await customer(module)))
    assert await module.stop() == 0


async def test_a_setting_that_is_missing_is_named_in_the_log(start_appointments: Start) -> None:
    module = await start_appointments(wait=False, env={"REDIS_URL_FILE": ""})
    assert await module.ended() == 1
    line = json.loads(module.logs().splitlines()[-1])
    assert "REDIS_URL_FILE was not given" in line["error"]
