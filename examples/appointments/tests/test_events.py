"""Events: each effect once, none lost, whatever is delivered how often and whatever Redis forgets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

from nexus_kit.testing import ModuleProcess

API = "/api/appointments"
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

    row = await module.wait(parked)
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

    assert await other.wait(known) == "In hand"


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

    await module.wait(noted)
    await module.redis("FLUSHALL")
    later = await book(module, wanted(customer_id))

    async def sent() -> Any:
        entries = await module.redis("XRANGE", stream, "-", "+")
        return [fields[fields.index("entity") + 1] for _, fields in entries]

    assert await module.wait(sent) == [later["id"]]


async def test_two_instances_send_each_event_once(
    start_appointments: Start, customer: Customer, wanted: Wanted
) -> None:
    first = await start_appointments()
    second = await start_appointments(like=first, instance="appointments-2")
    customer_id = await customer(first)
    booked: set[str] = set()
    for _ in range(5):
        answers = [book(module, wanted(customer_id)) for _ in range(5) for module in (first, second)]
        booked |= {answer["id"] for answer in await asyncio.gather(*answers)}

    async def all_sent() -> bool:
        waiting = "SELECT NOT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"
        return bool(await first.admin.fetchval(waiting))

    await first.wait(all_sent)
    entries = await first.redis("XRANGE", "nexus:events:appointments", "-", "+")
    sent = [fields[fields.index("entity") + 1] for _, fields in entries]
    assert sorted(sent) == sorted(booked)


async def test_the_second_of_two_updates_within_a_millisecond_counts(clinic: ModuleProcess) -> None:
    customer_id = uuid4()
    for name, at in (("First", "12:00:00.000100"), ("Second", "12:00:00.000200")):
        told = json.dumps({"customer_id": str(customer_id), "name": name, "status": "active"})
        fields = {
            "id": str(uuid4()), "type": "customer.updated", "entity": str(customer_id),
            "company": str(clinic.company_id), "at": f"2031-05-01T{at}+00:00", "data": told,
        }  # fmt: skip
        await clinic.redis(
            "XADD", "nexus:events:crm", "*", *(part for pair in fields.items() for part in pair)
        )

    async def both_heard() -> bool:
        heard = "SELECT count(*) FROM inbox WHERE entity_id = $1"
        return bool(await clinic.admin.fetchval(heard, customer_id) == 2)

    await clinic.wait(both_heard)
    row = await clinic.admin.fetchrow("SELECT * FROM customers WHERE id = $1", customer_id)
    assert (row["name"], row["told_at"].microsecond) == ("Second", 200)
