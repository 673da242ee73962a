"""What the platform and others ask of any module over HTTP, asked of the one written in TypeScript."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

from nexus_kit.testing import ModuleProcess
from nexus_kit.testing.contract import bombard
from nexus_kit.testing.keys import KeyServer

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


async def test_no_request_breaks_the_module_or_its_contract(
    clinic: ModuleProcess, customer: Customer, wanted: Wanted
) -> None:
    await book(clinic, wanted(await customer(clinic)))
    sent = await asyncio.to_thread(bombard, clinic.url, clinic.headers())
    assert sent.total() > 40, sent


async def test_it_says_how_it_is(clinic: ModuleProcess) -> None:
    assert (await get(clinic, "/health/live"))[1]["live"] is True
    status, ready = await get(clinic, "/health/ready")
    assert (status, ready["ready"], ready["degraded"]) == (200, True, False)
    assert set(ready["checks"]) == {"database", "migrations", "redis", "outbox"}
    status, business = await get(clinic, "/health/business")
    assert (status, business["ok"], business["must_be_zero"]) == (200, True, ["events_parked"])
    assert {"appointments_overdue", "appointments_unconfirmed", "events_parked"} <= set(business["numbers"])
    async with clinic.http.get("/metrics") as answer:
        text = await answer.text()
    assert 'nexus_http_requests_in_flight{service="appointments"}' in text


async def test_a_migration_that_is_not_applied_keeps_requests_out(start_appointments: Start) -> None:
    module = await start_appointments()
    await module.admin.execute("DELETE FROM _prisma_migrations WHERE migration_name LIKE '%appointments'")

    async def unready() -> bool:
        status, ready = await get(module, "/health/ready")
        return status == 503 and "20261125000000_appointments" in ready["checks"]["migrations"]["detail"]

    await module.wait(unready)


async def test_only_a_valid_token_with_the_permission_opens_a_door(clinic: ModuleProcess) -> None:
    head, payload, signature = clinic.token().split(".")
    hs256 = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
    none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    for token in (
        None, "nonsense", f"{head}.{payload}.{signature[:-4]}AAAA", f"{none}.{payload}.",
        f"{hs256}.{payload}.{signature}", clinic.token(expires_in=-10), clinic.token(iss="other"),
        clinic.token(aud="other"), clinic.token(cid=None),
    ):  # fmt: skip
        status, problem = await get(clinic, API, **({"Authorization": f"Bearer {token}"} if token else {}))
        assert status == 401, token
        assert problem["request_id"]
    for permissions, expected in (
        (["crm.*"], 403), (["appointments.write"], 403), (["appointments.read"], 200),
        (["appointments.*"], 200), (["*"], 200),
    ):  # fmt: skip
        assert (await get(clinic, API, **clinic.headers(permissions)))[0] == expected, permissions
    status, problem = await get(clinic, API, **clinic.headers(service="sales"))
    assert (status, problem["type"]) == (403, "urn:nexus:problem:people-only")


async def test_a_session_that_ended_is_refused_at_once(clinic: ModuleProcess) -> None:
    session = uuid4()
    headers = clinic.headers(session_id=session)
    assert (await get(clinic, API, **headers))[0] == 200
    await clinic.publish("auth", "session.revoked", session, {"session_id": str(session)})

    async def refused() -> bool:
        status, problem = await get(clinic, API, **headers)
        return status == 401 and problem["type"] == "urn:nexus:problem:session-revoked"

    await clinic.wait(refused)
    assert (await get(clinic, API, **clinic.headers()))[0] == 200


async def test_keys_are_waited_for_renewed_and_kept_when_their_issuer_is_away(
    start_appointments: Start,
) -> None:
    issuer = KeyServer()
    module = await start_appointments(env={"NEXUS_JWKS_URL": issuer.jwks_url})

    async def answer(token: str) -> int:
        return (await get(module, API, Authorization=f"Bearer {token}"))[0]

    async def accepted() -> bool:
        return await answer(issuer.token()) == 200

    assert await answer(issuer.token()) == 200
    old = issuer.token()
    issuer.rotate()
    await module.wait(accepted)
    assert await answer(old) == 401
    last = issuer.token()
    await issuer.close()
    assert await answer(last) == 200
    lonely = await start_appointments(env={"NEXUS_JWKS_URL": "http://127.0.0.1:9/jwks.json"})
    status, problem = await get(lonely, API, **lonely.headers())
    assert (status, problem["type"]) == (503, "urn:nexus:problem:keys-unavailable")


async def test_ids_are_taken_in_and_handed_out(
    clinic: ModuleProcess, customer: Customer, wanted: Wanted
) -> None:
    body = wanted(await customer(clinic))
    headers = clinic.headers() | {"traceparent": TRACE, "X-Request-Id": "from-the-gateway-1"}
    await clinic.pass_over()
    async with clinic.http.post(API, json=body, headers=headers) as answer:
        assert answer.headers["X-Request-Id"] == "from-the-gateway-1"
    (event,) = await clinic.events("appointment.booked")
    assert event.trace is not None
    assert event.trace[3:35] == TRACE[3:35]
    lines = [json.loads(line) for line in clinic.logs().split("\n") if line]
    (line,) = [line for line in lines if line.get("request_id") == "from-the-gateway-1"]
    assert (line["message"], line["status"], line["trace_id"]) == ("request", 201, TRACE[3:35])
    assert {"ts", "level", "service", "release", "instance", "span_id"} <= set(line)


async def test_methods_and_addresses_that_are_not_there_are_problems(clinic: ModuleProcess) -> None:
    async with clinic.http.delete(API, headers=clinic.headers()) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST")
        assert answer.content_type == "application/problem+json"
    assert (await get(clinic, "/api/nothing", **clinic.headers()))[0] == 404
    for data, status in ((b"{", 400), (b'{"notes": "' + b"x" * (2 << 20) + b'"}', 413)):
        headers = clinic.headers() | {"Content-Type": "application/json"}
        async with clinic.http.post(API, data=io.BytesIO(data), headers=headers) as answer:
            assert answer.status == status
