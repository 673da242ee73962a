"""Outages: Redis emptied or killed, PostgreSQL killed, a full stop: nothing is lost or done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import aiohttp
from nexus_kit.redis_link import ReplyError
from nexus_kit.testing import ModuleProcess, PostgresServer, ValkeyServer

ALL_SENT = "SELECT NOT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"


async def write_note(echo: ModuleProcess, text: str) -> int:
    async with echo.http.post("/api/echo/notes", json={"text": text}, headers=echo.headers()) as answer:
        await answer.read()
        return answer.status


async def distinct_events(echo: ModuleProcess) -> int:
    entries = await echo.redis("XRANGE", "nexus:events:echo", "-", "+")
    return len({fields[1] for _, fields in entries})


def stream_holds(echo: ModuleProcess, wanted: int) -> Any:
    async def there() -> bool:
        return await distinct_events(echo) >= wanted

    return there


async def ready_state(echo: ModuleProcess) -> tuple[int, dict[str, Any]]:
    async with echo.http.get("/health/ready") as answer:
        return answer.status, await answer.json()


async def test_an_emptied_redis_gets_back_what_its_readers_had_not_acknowledged(start_echo: Any) -> None:
    echo = await start_echo()
    for n in range(5):
        assert await write_note(echo, f"before {n}") == 201
    await echo.events("note.created", n=5)
    await echo.redis("FLUSHDB")
    await echo.wait(stream_holds(echo, 5))
    assert await write_note(echo, "after") == 201
    await echo.wait(stream_holds(echo, 6))
    await echo.wait(lambda: echo.admin.fetchval(ALL_SENT))


async def test_a_reader_that_comes_back_first_does_not_hide_that_redis_was_emptied(start_echo: Any) -> None:
    first = await start_echo()
    assert await write_note(first, "one") == 201
    assert await write_note(first, "two") == 201
    await first.events("note.created", n=2)
    await first.redis("XGROUP", "CREATE", "nexus:events:echo", "reader", "0")
    entries = (await first.redis("XREADGROUP", "GROUP", "reader", "r1", "STREAMS", "nexus:events:echo", ">"))[
        0
    ][1]
    await first.redis("XACK", "nexus:events:echo", "reader", entries[0][0])

    async def remembered() -> bool:
        return bool(
            await first.admin.fetchval(
                "SELECT count(*) FROM event_cursor WHERE group_name = 'reader' AND stream_ms > 0"
            )
        )

    await first.wait(remembered)
    await first.redis("FLUSHDB")

    async def made_again() -> bool:
        try:
            await first.redis("XGROUP", "CREATE", "nexus:events:echo", "reader", "0")
        except ReplyError:  # it requires the stream to exist
            return False
        return True

    await first.wait(made_again)
    await first.wait(stream_holds(first, 1))
    entries = (await first.redis("XREADGROUP", "GROUP", "reader", "r1", "STREAMS", "nexus:events:echo", ">"))[
        0
    ][1]
    assert [fields[11] for _, fields in entries] == ['{"text": "two", "amount": "0"}']


async def test_consumers_go_on_after_redis_was_emptied_and_do_nothing_twice(start_echo: Any) -> None:
    echo = await start_echo()
    ids = [await echo.publish("source", "ping") for _ in range(50)]
    await echo.events("ping.seen", n=50)
    await echo.redis("FLUSHDB")
    for event_id in ids:
        await echo.publish("source", "ping", id=event_id)
    await echo.publish("source", "ping")

    async def fifty_one() -> bool:
        return await echo.admin.fetchval("SELECT count(*) FROM pings") >= 51

    await echo.wait(fifty_one)
    assert await echo.admin.fetchval("SELECT count(DISTINCT event_id) FROM pings") == 51


async def test_a_redis_that_lost_its_last_seconds_gets_them_again(
    start_echo: Any, start_valkey: Callable[..., ValkeyServer]
) -> None:
    server = start_valkey()
    echo = await start_echo(redis=server)
    await echo.redis("CONFIG", "SET", "save", "")
    for n in range(3):
        assert await write_note(echo, f"kept {n}") == 201
    await echo.events("note.created", n=3)
    await echo.redis("SAVE")
    for n in range(4):
        assert await write_note(echo, f"lost {n}") == 201
    await echo.events("note.created", n=4)
    server.kill()
    assert await write_note(echo, "while away") == 201
    server.start()
    await echo.wait(stream_holds(echo, 8))
    await echo.wait(lambda: echo.admin.fetchval(ALL_SENT))
    assert "redis lost events" in echo.logs()


async def test_writes_go_on_while_redis_is_down_and_ready_says_why(
    start_echo: Any, start_valkey: Callable[..., ValkeyServer]
) -> None:
    server = start_valkey()
    echo = await start_echo(redis=server)
    server.kill()
    for n in range(10):
        assert await write_note(echo, f"note {n}") == 201

    async def says_so() -> bool:
        status, body = await ready_state(echo)
        return (
            status == 200  # it serves: its events wait in the outbox
            and body["degraded"]
            and body["checks"]["redis"]["ok"] is False
            and "connect" in body["checks"]["redis"]["detail"]
        )

    await echo.wait(says_so)
    server.start()
    await echo.wait(stream_holds(echo, 10))
    await echo.ready()


async def test_a_killed_postgresql_costs_503_answers_and_nothing_else(
    start_echo: Any, start_postgres: Callable[..., PostgresServer]
) -> None:
    server = start_postgres(fsync=True)
    echo = await start_echo(postgres=server)
    assert await write_note(echo, "before") == 201
    written = {"before"}
    statuses: set[int] = set()
    stop = asyncio.Event()

    async def keep_writing(name: str) -> None:
        n = 0
        while not stop.is_set():
            n += 1
            status = await write_note(echo, f"{name} {n}")
            statuses.add(status)
            if status == 201:
                written.add(f"{name} {n}")

    published = [await echo.publish("source", "ping") for _ in range(100)]
    writers = [asyncio.create_task(keep_writing(f"writer {n}")) for n in range(8)]

    async def in_full_swing() -> bool:
        return len(written) > 20

    await echo.wait(in_full_swing)
    server.kill()

    async def says_so() -> bool:
        status, body = await ready_state(echo)
        return status == 503 and not body["checks"]["database"]["ok"]

    await echo.wait(says_so)
    server.start()
    published += [await echo.publish("source", "ping") for _ in range(100)]
    await echo.ready()
    before = len(written)

    async def writes_again() -> bool:
        return len(written) > before + 20

    await echo.wait(writes_again)
    stop.set()
    await asyncio.gather(*writers)
    assert statuses == {201, 503}, [line for line in echo.logs().splitlines() if '"exception"' in line]
    await echo.reconnect()
    await echo.admin.execute("SET search_path = echo")
    stored = {row["text"] for row in await echo.admin.fetch("SELECT text FROM notes")}
    assert written <= stored

    async def all_handled() -> bool:
        return await echo.admin.fetchval("SELECT count(*) FROM pings") >= 200

    await echo.wait(all_handled)
    assert await echo.admin.fetchval("SELECT count(*) FROM pings") == len(set(published))
    await echo.wait(stream_holds(echo, 200 + len(stored)))


async def test_a_module_starts_while_its_servers_are_away_and_serves_when_they_come(
    start_echo: Any, start_postgres: Callable[..., PostgresServer], start_valkey: Callable[..., ValkeyServer]
) -> None:
    server, redis = start_postgres(), start_valkey()
    echo = await start_echo(postgres=server, redis=redis)
    await echo.stop()
    server.stop()
    redis.stop()
    await echo.start(wait=False)

    async def answers() -> Any:
        try:
            return await ready_state(echo)
        except aiohttp.ClientError:
            return None

    status, body = await echo.wait(answers)
    assert (status, body["checks"]["database"]["ok"]) == (503, False)
    assert await write_note(echo, "too early") == 503
    server.start()
    redis.start()
    await echo.ready()
    assert await write_note(echo, "in time") == 201


async def test_a_migration_that_is_missing_keeps_the_module_from_being_ready(start_echo: Any) -> None:
    echo = await start_echo()
    await echo.admin.execute("DELETE FROM _prisma_migrations WHERE migration_name LIKE '%_echo'")

    async def says_so() -> bool:
        status, body = await ready_state(echo)
        return status == 503 and "20261101000100_echo" in body["checks"]["migrations"]["detail"]

    await echo.wait(says_so)


async def test_sigterm_finishes_what_runs_and_exits_with_0(start_echo: Any) -> None:
    echo = await start_echo()
    await echo.admin.execute("INSERT INTO switches VALUES ('slow', '1')")
    await echo.publish("source", "ping")
    await echo.events("ping.seen")
    await echo.publish("source", "slow.ping")
    slow = asyncio.create_task(slow_answer(echo))

    async def busy() -> bool:
        return (await echo.redis("XPENDING", "nexus:events:source", "echo"))[0] == 1

    await echo.wait(busy)
    stopping = asyncio.create_task(echo.stop())

    async def leaving() -> bool:
        status, body = await ready_state(echo)
        return status == 503 and body["checks"]["draining"]["ok"] is False

    await echo.wait(leaving)
    assert await slow == 200
    assert await stopping == 0
    assert await echo.admin.fetchval("SELECT count(*) FROM pings") == 2
    assert (await echo.redis("XPENDING", "nexus:events:source", "echo"))[0] == 0


async def slow_answer(echo: ModuleProcess) -> int:
    async with echo.http.get("/api/echo/slow?seconds=1") as answer:
        return answer.status


async def test_nothing_is_published_for_a_write_that_failed(start_echo: Any) -> None:
    echo = await start_echo()
    text = str(uuid4())
    assert await write_note(echo, text) == 201
    assert await write_note(echo, text) == 409
    await echo.events("note.created")
    assert await echo.admin.fetchval("SELECT count(*) FROM outbox") == 1
