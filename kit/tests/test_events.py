"""Events: each effect once, in any order, whatever is delivered how often."""

from __future__ import annotations

import json
import signal
from typing import Any
from uuid import UUID, uuid4

from nexus_kit.testing import ModuleProcess, Snapshot

OTHER_COMPANY = UUID("0199bbbb-0000-7000-8000-000000000002")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def count(echo: ModuleProcess, where: str = "true") -> int:
    number: int = await echo.admin.fetchval(f"SELECT count(*) FROM pings WHERE {where}")
    return number


async def pending(echo: ModuleProcess, module: str = "source") -> int:
    number: int = (await echo.redis("XPENDING", f"nexus:events:{module}", "echo"))[0]
    return number


def reaches(echo: ModuleProcess, wanted: int, where: str = "true") -> Any:
    async def there() -> bool:
        return await count(echo, where) >= wanted

    return there


def all_acknowledged(echo: ModuleProcess, module: str = "source") -> Any:
    async def done() -> bool:
        return await pending(echo, module) == 0

    return done


async def test_a_snapshot_waits_for_a_stream_that_the_module_has_yet_to_find(start_echo: Any) -> None:
    echo = await start_echo()
    await echo.publish("source", "ping")
    snapshot = await Snapshot.take(echo)
    assert await count(echo) == 1
    await snapshot.restore()
    assert await count(echo) == 1


async def test_an_event_has_its_effect_once_however_often_it_is_delivered(echo: ModuleProcess) -> None:
    event_id = uuid4()
    for _ in range(5):
        await echo.publish("source", "ping", id=event_id)
    await echo.publish("source", "ping")
    await echo.wait(reaches(echo, 2))
    await echo.wait(all_acknowledged(echo))
    assert await count(echo) == 2
    assert len(await echo.events("ping.seen", n=2)) == 2
    assert await echo.admin.fetchval("SELECT count(*) FROM outbox") == 2


async def test_an_event_keeps_its_company_and_its_trace(echo: ModuleProcess) -> None:
    await echo.publish("source", "ping", company_id=OTHER_COMPANY, trace=TRACE)
    (seen,) = await echo.events("ping.seen")
    assert seen.company_id == OTHER_COMPANY
    assert seen.trace is not None
    assert seen.trace[3:35] == TRACE[3:35]
    assert await echo.admin.fetchval("SELECT company_id FROM pings") == OTHER_COMPANY


async def test_a_batch_handler_gets_many_events_of_one_company_at_once(start_echo: Any) -> None:
    echo = await start_echo()
    await echo.stop()
    for n in range(100):
        await echo.publish("source", "batch.ping", company_id=OTHER_COMPANY if n % 2 else echo.company_id)
    await echo.restart()
    await echo.wait(reaches(echo, 100))
    kinds = await echo.admin.fetch("SELECT DISTINCT type FROM pings")
    assert [row["type"] for row in kinds] == ["batch of 50"]


async def test_a_poisoned_event_does_not_hold_up_the_others_of_its_batch(start_echo: Any) -> None:
    echo = await start_echo()
    await echo.stop()
    for n in range(20):
        await echo.publish("source", "batch.ping", data={"poison": n == 7})
    await echo.publish("source", "ping")
    await echo.restart()
    await echo.wait(reaches(echo, 20))
    assert await pending(echo) == 1


async def test_a_child_waits_for_its_parent_that_comes_later_on_another_stream(start_echo: Any) -> None:
    echo = await start_echo()
    family = uuid4()
    await echo.publish("other", "child", family)
    await echo.publish("other", "child", uuid4())

    async def tried_in_vain() -> bool:
        return echo.logs().count("event waits, will be tried again") >= 2

    await echo.wait(tried_in_vain)
    assert await count(echo) == 0
    await echo.publish("source", "ping", family)
    await echo.wait(reaches(echo, 2))
    rows = await echo.admin.fetch("SELECT type FROM pings ORDER BY seq")
    assert [row["type"] for row in rows] == ["ping", "child"]


async def test_an_event_that_keeps_failing_is_parked_and_can_be_handled_after_all(
    echo: ModuleProcess,
) -> None:
    bad = await echo.publish("source", "bad.ping", data={"why": "no\u00e3o"})
    await echo.publish("source", "ping")
    await echo.wait(reaches(echo, 1))

    async def parked() -> Any:
        return await echo.admin.fetchrow("SELECT * FROM inbox WHERE state = 'failed'")

    row = await echo.wait(parked)
    assert (row["event_id"], row["attempts"]) == (bad, 10)
    assert "cannot handle" in row["error"]
    async with echo.http.get("/health/business") as answer:
        health = await answer.json()
    assert (health["ok"], health["numbers"]["events_parked"], health["broken"]) == (
        False,
        1,
        ["events_parked"],
    )
    await echo.wait(all_acknowledged(echo))
    await echo.admin.execute("INSERT INTO switches VALUES ('bad', 'mended')")
    await echo.admin.execute("UPDATE inbox SET state = 'retry' WHERE state = 'failed'")
    await echo.wait(reaches(echo, 2))
    async with echo.http.get("/health/business") as answer:
        health = await answer.json()
    assert health["ok"], health


async def test_what_is_no_event_is_passed_over(echo: ModuleProcess) -> None:
    await echo.publish("source", "ping")
    await echo.wait(reaches(echo, 1))
    await echo.redis("XADD", "nexus:events:source", "*", "nonsense", "1")
    await echo.redis("XADD", "nexus:events:source", "*", "id", "x", "type", "ping", "data", "[]")
    await echo.publish("source", "unknown.type")
    await echo.publish("source", "ping")
    await echo.wait(reaches(echo, 2))
    await echo.wait(all_acknowledged(echo))


async def test_two_instances_share_the_events_and_take_over_from_a_killed_one(start_echo: Any) -> None:
    first = await start_echo()
    second = await start_echo(like=first, instance="echo-2")
    await first.admin.execute("INSERT INTO switches VALUES ('slow', '3')")
    await first.publish("source", "ping")
    await first.wait(reaches(first, 1))
    await first.publish("source", "slow.ping")

    async def in_hand() -> Any:
        return await first.redis("XPENDING", "nexus:events:source", "echo", "-", "+", "10")

    entries = await first.wait(in_hand)
    holder, other = (first, second) if entries[0][1] == "echo-1" else (second, first)
    await holder.kill()
    await other.admin.execute("UPDATE switches SET value = '0'")
    await other.wait(reaches(other, 1, "type = 'slow.ping'"))
    await other.wait(all_acknowledged(other))
    assert await count(other) == 2


async def test_a_consumer_killed_in_the_middle_does_everything_once(start_echo: Any) -> None:
    echo = await start_echo()
    for _ in range(3):
        for _ in range(300):
            await echo.publish("source", "ping")
        await echo.wait(reaches(echo, await count(echo) + 20))
        await echo.kill()
        await echo.restart()
    await echo.wait(reaches(echo, 900))
    await echo.wait(all_acknowledged(echo))
    assert await count(echo) == 900
    assert await echo.admin.fetchval("SELECT count(DISTINCT event_id) FROM pings") == 900
    seen = await echo.events("ping.seen", n=900)
    assert len({event.id for event in seen}) == 900


async def test_an_event_that_ends_the_process_is_put_aside_and_those_in_hand_with_it_are_handled(
    start_echo: Any,
) -> None:
    echo = await start_echo()
    await echo.stop()
    deadly = await echo.publish("source", "deadly.ping")
    for _ in range(4):
        await echo.publish("source", "ping")
    stream, group = "nexus:events:source", "echo"
    await echo.redis("XGROUP", "CREATE", stream, group, "0")
    taken = await echo.redis("XREADGROUP", "GROUP", group, "echo-1", "COUNT", 10, "STREAMS", stream, ">")
    entries = taken[0][1]
    for entry_id, _ in entries:  # as if all had been in hand at 18 sudden ends
        await echo.redis("XCLAIM", stream, group, "echo-1", 0, entry_id, "RETRYCOUNT", 18, "JUSTID")
    for _ in range(2):
        await echo.start(wait=False)
        assert await echo.ended() == -signal.SIGKILL
    await echo.restart()
    await echo.wait(all_acknowledged(echo))
    assert await count(echo) == 4
    row = await echo.admin.fetchrow("SELECT event_id, attempts, error FROM inbox WHERE state = 'failed'")
    assert (row["event_id"], row["attempts"]) == (deadly, 20)
    assert "end the process" in row["error"]


async def test_a_flood_of_events_is_handled_whole(echo: ModuleProcess) -> None:
    await echo.publish("source", "ping")
    await echo.events("ping.seen")
    commands = []
    link = echo._link
    for _ in range(3000):
        fields = (
            "id",
            str(uuid4()),
            "type",
            "batch.ping",
            "entity",
            str(uuid4()),
            "company",
            str(echo.company_id),
        )
        commands.append(
            (
                "XADD",
                "nexus:events:source",
                "*",
                *fields,
                "at",
                "2026-01-01T00:00:00+00:00",
                "data",
                json.dumps({}),
            )
        )
    await link.pipeline(commands)
    await echo.wait(reaches(echo, 3001))
    assert await count(echo) == 3001


async def test_a_leader_runs_on_one_instance_only(start_echo: Any) -> None:
    first = await start_echo()
    await start_echo(like=first, instance="echo-2")
    await first.admin.execute("INSERT INTO switches VALUES ('ticking', 'yes')")

    async def ticked() -> bool:
        return int(await first.admin.fetchval("SELECT value FROM switches WHERE name = 'ticks'") or 0) > 10

    await first.wait(ticked)


async def test_bootstrap_runs_before_the_module_says_it_is_ready(start_echo: Any) -> None:
    echo = await start_echo(secrets={"bootstrap": {"company": {"id": str(OTHER_COMPANY)}}})
    assert await echo.admin.fetchval("SELECT company_id FROM notes WHERE text = 'first'") == OTHER_COMPANY
