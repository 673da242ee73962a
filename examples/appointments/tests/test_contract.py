"""What the platform and the other modules expect of any module, asked of the one written in TypeScript."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import nexus_kit
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from nexus_kit.testing import ModuleProcess
from nexus_kit.testing.contract import bombard
from nexus_kit.testing.keys import KeyServer

API = "/api/appointments"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TESTS = Path(__file__).parent
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


# answers


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
    lines = [json.loads(line) for line in clinic.logs().splitlines()]
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


# events


async def test_an_event_has_its_effect_once_however_often_it_is_delivered(
    clinic: ModuleProcess, customer: Customer
) -> None:
    customer_id, event_id = uuid4(), uuid4()
    for name in ("First", "Again", "And again"):
        data = {"customer_id": str(customer_id), "name": name, "status": "active"}
        await clinic.publish("crm", "customer.created", customer_id, data, id=event_id)
    await customer(clinic, "The last")  # told later: by now the others were heard

    async def acknowledged() -> bool:
        return bool((await clinic.redis("XPENDING", "nexus:events:crm", "appointments"))[0] == 0)

    await clinic.wait(acknowledged)
    assert await clinic.admin.fetchval("SELECT name FROM customers WHERE id = $1", customer_id) == "First"


async def test_an_event_that_cannot_be_handled_is_parked_and_can_be_handled_later(
    start_appointments: Start, customer: Customer
) -> None:
    module = await start_appointments()
    customer_id = uuid4()
    data = {"customer_id": str(customer_id), "name": "Too early", "status": "active"}
    await module.admin.execute("ALTER TABLE customers ADD CONSTRAINT broken CHECK (name <> 'Too early')")
    event_id = await module.publish("crm", "customer.created", customer_id, data)
    await customer(module, "Not held up")

    async def parked() -> Any:
        return await module.admin.fetchrow(
            "SELECT * FROM inbox WHERE event_id = $1 AND state = 'failed'", event_id
        )

    row = await module.wait(parked, timeout=40)
    assert row["attempts"] == 10
    assert "broken" in row["error"]
    assert json.loads(row["payload"])["data"] == data
    _, business = await get(module, "/health/business")
    assert (business["ok"], business["broken"]) == (False, ["events_parked"])
    await module.admin.execute("ALTER TABLE customers DROP CONSTRAINT broken")
    await module.admin.execute("UPDATE inbox SET state = 'retry' WHERE event_id = $1", event_id)

    async def known() -> Any:
        return await module.admin.fetchval("SELECT name FROM customers WHERE id = $1", customer_id)

    assert await module.wait(known) == "Too early"
    assert (await get(module, "/health/business"))[1]["ok"]


async def test_a_consumer_never_creates_the_stream_of_another(start_appointments: Start) -> None:
    module = await start_appointments()
    await module.wait(lambda: module.redis("EXISTS", "nexus:events:appointments"))
    assert await module.redis("EXISTS", "nexus:events:crm") == 0


async def test_what_a_killed_instance_had_in_hand_is_taken_over(
    start_appointments: Start, customer: Customer
) -> None:
    module = await start_appointments()
    await customer(module)
    async with module.admin.transaction():
        await module.admin.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
        customer_id = uuid4()
        data = {"customer_id": str(customer_id), "name": "In hand", "status": "active"}
        await module.publish("crm", "customer.created", customer_id, data)

        async def taken() -> bool:
            return bool((await module.redis("XPENDING", "nexus:events:crm", "appointments"))[0] == 1)

        await module.wait(taken)
        await module.kill()
    other = await start_appointments(like=module, instance="appointments-2")

    async def known() -> Any:
        return await other.admin.fetchval("SELECT name FROM customers WHERE id = $1", customer_id)

    assert await other.wait(known, timeout=30) == "In hand"


async def test_an_event_that_ended_the_process_twenty_times_is_parked_and_the_others_go_on(
    start_appointments: Start,
) -> None:
    module = await start_appointments()
    stream, group = "nexus:events:crm", "appointments"
    ids = [uuid4(), uuid4()]
    told = [{"customer_id": str(each), "name": "Ana", "status": "active"} for each in ids]
    await module.publish("crm", "customer.created", uuid4(), told[0] | {"customer_id": str(uuid4())})

    async def joined() -> bool:
        return bool(await module.admin.fetchval("SELECT count(*) FROM customers"))

    await module.wait(joined)
    await module.stop()
    for customer_id, data in zip(ids, told, strict=True):
        await module.publish("crm", "customer.created", customer_id, data)
    ((_, entries),) = await module.redis(
        "XREADGROUP", "GROUP", group, "appointments-1", "STREAMS", stream, ">"
    )
    culprit = entries[0][0]
    await module.redis("XCLAIM", stream, group, "appointments-1", 0, culprit, "RETRYCOUNT", 20, "JUSTID")
    await module.restart()

    async def parked() -> Any:
        return await module.admin.fetchrow(
            "SELECT * FROM inbox WHERE entity_id = $1 AND state = 'failed'", ids[0]
        )

    row = await module.wait(parked)
    assert row["error"].startswith("Unfinished: delivered 20 times")
    known = [row["id"] for row in await module.admin.fetch("SELECT id FROM customers")]
    assert ids[1] in known
    assert ids[0] not in known


async def test_an_emptied_redis_loses_nothing_and_ids_go_on(
    start_appointments: Start, customer: Customer, wanted: Wanted
) -> None:
    module = await start_appointments()
    customer_id = await customer(module)
    first = [await book(module, wanted(customer_id)) for _ in range(5)]
    await module.events("appointment.booked", n=5)
    (last, _), *_ = await module.redis("XREVRANGE", "nexus:events:appointments", "+", "-", "COUNT", 1)
    await module.redis("FLUSHALL")
    second = [await book(module, wanted(customer_id)) for _ in range(3)]

    async def all_sent() -> bool:
        entries = await module.redis("XRANGE", "nexus:events:appointments", "-", "+")
        sent = {fields[fields.index("entity") + 1] for _, fields in entries}
        return sent == {booked["id"] for booked in first + second} and entries[0][0] > last

    await module.wait(all_sent)
    assert await customer(module, "After the loss"), "it goes on hearing others"


async def test_only_what_nobody_has_acknowledged_is_sent_again(
    start_appointments: Start, customer: Customer, wanted: Wanted
) -> None:
    module = await start_appointments()
    customer_id = await customer(module)
    stream = "nexus:events:appointments"
    await book(module, wanted(customer_id))
    await module.events("appointment.booked")
    await module.redis("XGROUP", "CREATE", stream, "reminders", "0")
    ((_, ((entry, _),)),) = await module.redis(
        "XREADGROUP", "GROUP", "reminders", "r-1", "STREAMS", stream, ">"
    )
    await module.redis("XACK", stream, "reminders", entry)

    async def noted() -> Any:
        return await module.admin.fetchval(
            "SELECT true FROM event_cursor WHERE group_name = 'reminders' AND stream_ms = $1",
            int(entry.split("-")[0]),
        )

    await module.wait(noted, timeout=20)
    await module.redis("FLUSHALL")
    later = await book(module, wanted(customer_id))

    async def sent() -> Any:
        entries = await module.redis("XRANGE", stream, "-", "+")
        return [fields[fields.index("entity") + 1] for _, fields in entries]

    assert await module.wait(sent) == [later["id"]]


# outages and the end


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
    (event,) = await module.events("appointment.booked", timeout=20)
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
    booking = asyncio.create_task(book(module, wanted(customer_id)))

    async def blocked() -> Any:
        return await module.admin.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")

    await module.wait(blocked)
    ending = asyncio.create_task(module.stop())

    async def unready() -> bool:
        status, ready = await get(module, "/health/ready")
        return status == 503 and not ready["checks"]["draining"]["ok"]

    await module.wait(unready)
    await blocker.execute("COMMIT")
    assert (await booking)["state"] == "booked"
    assert await ending == 0
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


# what it is made of


def test_it_holds_nothing_but_what_runs_and_its_lock_names_no_host(built: Path) -> None:
    for tool in ("prisma", "typescript", "@types/express", ".bin/tsc"):
        assert not (built / "node_modules" / tool).exists(), tool
    assert [
        file for file in built.rglob("*") if "schema-engine" in file.name or "query_engine" in file.name
    ] == []
    packages = json.loads((built / "package-lock.json").read_text())["packages"]
    assert len(packages) > 100
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_its_first_migration_is_the_kits_chassis(built: Path) -> None:
    ours = (built / "migrations/20261101000000_chassis/migration.sql").read_text()
    assert ours == (Path(nexus_kit.__file__).parent / "sql/chassis.sql").read_text()


@pytest.mark.parametrize("suite", ["parts", "models"])
async def test_its_own_tests_pass(built: Path, start_appointments: Start, tmp_path: Path, suite: str) -> None:
    module = await start_appointments()
    (tmp_path / "database_url").write_text(module.app_dsn)
    env = {**os.environ, "BUILD": str(built), "DATABASE_URL_FILE": str(tmp_path / "database_url")}
    node = shutil.which("node")
    assert node
    command = [node, "--test", str(TESTS / f"{suite}.test.mjs")]
    done = await asyncio.to_thread(
        subprocess.run, command, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
