"""The relay and the clean-up beside it, on real servers, at sizes a test can afford."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from nexus_kit.database import Database
from nexus_kit.events import expiry, relay
from nexus_kit.ids import new_id
from nexus_kit.metrics import Metrics
from nexus_kit.redis_link import RedisLink
from nexus_kit.testing import ModuleProcess

STREAM = "nexus:events:echo"


@pytest_asyncio.fixture(loop_scope="session")
async def sender(stopped: ModuleProcess, database: Database) -> AsyncIterator[relay.Relay]:
    metrics = Metrics("echo")
    link = RedisLink(stopped.redis_url, "test-relay")
    yield relay.Relay("echo", database, link, metrics.sent, metrics.backlog, longest=1000)
    link.close()


async def publish(database: Database, count: int) -> None:
    async with database.transaction(ModuleProcess.company_id) as tx:
        for n in range(count):
            await tx.publish("note.created", new_id(), {"n": n})


async def relay_all(sender: relay.Relay) -> None:
    while await sender._round():
        sender._cursors_at = 0.0


async def test_only_what_every_group_has_acknowledged_is_trimmed(
    stopped: ModuleProcess, database: Database, sender: relay.Relay
) -> None:
    for group in ("quick", "slow"):
        await stopped.redis("XGROUP", "CREATE", STREAM, group, "0")
    await publish(database, 3000)
    await relay_all(sender)
    assert await stopped.redis("XLEN", STREAM) == 3000
    for group, count in (("quick", 3000), ("slow", 1500)):
        entries = (
            await stopped.redis("XREADGROUP", "GROUP", group, "c", "COUNT", count, "STREAMS", STREAM, ">")
        )[0][1]
        await stopped.redis("XACK", STREAM, group, *(entry_id for entry_id, _ in entries))
    sender._cursors_at = 0.0
    await sender._round()
    left = await stopped.redis("XLEN", STREAM)
    assert 1500 <= left < 3000
    lag = [dict(zip(g[::2], g[1::2], strict=True)) for g in await stopped.redis("XINFO", "GROUPS", STREAM)]
    assert {group["name"]: group["lag"] for group in lag} == {"quick": 0, "slow": 1500}


async def test_ids_go_on_above_the_old_ones_after_redis_was_emptied(
    stopped: ModuleProcess, database: Database, sender: relay.Relay
) -> None:
    await publish(database, 3)
    await relay_all(sender)
    await stopped.redis("XADD", STREAM, "99999999999999-0", "from", "a clock that was ahead")
    await publish(database, 1)
    await relay_all(sender)
    await stopped.redis("FLUSHALL")
    await relay_all(sender)
    entries = await stopped.redis("XRANGE", STREAM, "-", "+")
    assert len(entries) == 4
    assert all(int(entry_id.partition("-")[0]) >= 99999999999999 for entry_id, _ in entries)


async def test_expired_rows_are_deleted_and_unacknowledged_events_are_not(
    stopped: ModuleProcess, database: Database, sender: relay.Relay
) -> None:
    await stopped.redis("XGROUP", "CREATE", STREAM, "reader", "0")
    await publish(database, 10)
    await relay_all(sender)
    entries = (await stopped.redis("XREADGROUP", "GROUP", "reader", "c", "STREAMS", STREAM, ">"))[0][1]
    await stopped.redis("XACK", STREAM, "reader", *(entry_id for entry_id, _ in entries[:6]))
    sender._cursors_at = 0.0
    await sender._round()
    await stopped.admin.execute("UPDATE outbox SET published_at = now() - interval '8 days'")
    await stopped.admin.execute(
        "INSERT INTO inbox (event_id, module, type, company_id, entity_id, state, received_at) "
        "SELECT uuidv7(), 'm', 't', uuidv7(), uuidv7(), s, now() - interval '15 days' "
        "FROM unnest(ARRAY['done', 'failed']) s"
    )
    await stopped.admin.execute(
        "INSERT INTO idempotency (company_id, key, request_hash, created_at) "
        "SELECT uuidv7(), 'k', '', now() - interval '1 day' * d FROM unnest(ARRAY[1, 4]) d"
    )
    await expiry.expire(database, "echo")
    assert await stopped.admin.fetchval("SELECT count(*) FROM outbox") == 4
    assert [row["state"] for row in await stopped.admin.fetch("SELECT state FROM inbox")] == ["failed"]
    assert await stopped.admin.fetchval("SELECT count(*) FROM idempotency") == 1
