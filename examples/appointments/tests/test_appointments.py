"""Appointments: the whole contract of a module, kept by Node.js, TypeScript and Prisma."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

from nexus_kit.testing import ModuleProcess

API = "/api/appointments"
OTHER_COMPANY = UUID("0199bbbb-0000-7000-8000-000000000002")
Wanted = Callable[..., dict[str, Any]]
Customer = Callable[..., Awaitable[UUID]]


async def post(
    module: ModuleProcess, body: dict[str, Any], path: str = API, key: str | None = None, **claims: Any
) -> tuple[int, dict[str, Any]]:
    headers = module.headers(**claims) | ({"Idempotency-Key": key} if key else {})
    async with module.http.post(path, json=body, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_a_customer_of_the_crm_books_confirms_and_cancels(
    clinic: ModuleProcess, customer: Customer, wanted: Wanted
) -> None:
    customer_id = await customer(clinic, "Padaria São João")
    status, booked = await post(clinic, wanted(customer_id))
    assert status == 201
    assert booked["customer_name"] == "Padaria São João"
    assert booked["starts_at"] == "2031-05-01T12:00:00.000Z"
    (event,) = await clinic.events("appointment.booked")
    assert (str(event.entity_id), event.company_id) == (booked["id"], clinic.company_id)
    assert event.data["customer_id"] == str(customer_id)
    status, confirmed = await post(clinic, {}, f"{API}/{booked['id']}/confirm")
    assert (status, confirmed["state"]) == (200, "confirmed")
    status, cancelled = await post(clinic, {"reason": "Carnaval"}, f"{API}/{booked['id']}/cancel")
    assert (status, cancelled["state"], cancelled["cancel_reason"]) == (200, "cancelled", "Carnaval")
    (event,) = await clinic.events("appointment.cancelled")
    assert event.data["reason"] == "Carnaval"
    status, problem = await post(clinic, {}, f"{API}/{booked['id']}/confirm")
    assert (status, problem["type"]) == (409, "urn:nexus:problem:cancelled")


async def test_a_customer_that_the_crm_never_told_of_is_refused(
    clinic: ModuleProcess, wanted: Wanted
) -> None:
    status, problem = await post(clinic, wanted(uuid4()))
    assert (status, problem["type"]) == (422, "urn:nexus:problem:unknown-customer")
    assert [fault["field"] for fault in problem["errors"]] == ["body.customer_id"]


async def test_the_same_key_twice_is_one_appointment(
    clinic: ModuleProcess, customer: Customer, wanted: Wanted
) -> None:
    body = wanted(await customer(clinic))
    key = f"k-{uuid4()}"
    answers = await asyncio.gather(*(post(clinic, body, key=key) for _ in range(8)))
    assert {status for status, _ in answers} == {201}
    assert len({booked["id"] for _, booked in answers}) == 1
    count = await clinic.admin.fetchval(
        "SELECT count(*) FROM appointments WHERE resource = $1", body["resource"]
    )
    assert count == 1
    status, problem = await post(clinic, body | {"notes": "another wish"}, key=key)
    assert (status, problem["type"]) == (409, "urn:nexus:problem:idempotency-key-reused")
    async with clinic.http.post(
        API, json=body, headers=clinic.headers() | {"Idempotency-Key": key}
    ) as answer:
        assert answer.headers["Idempotency-Replayed"] == "true"


async def test_a_refused_request_does_not_use_up_its_key(
    clinic: ModuleProcess, customer: Customer, wanted: Wanted
) -> None:
    key = f"k-{uuid4()}"
    assert (await post(clinic, wanted(uuid4()), key=key))[0] == 422
    assert (await post(clinic, wanted(await customer(clinic)), key=key))[0] == 201


async def test_ten_at_once_for_one_resource_are_one_appointment(
    clinic: ModuleProcess, customer: Customer, wanted: Wanted
) -> None:
    body = wanted(await customer(clinic), resource="Dr. Lia")
    answers = await asyncio.gather(*(post(clinic, body) for _ in range(10)))
    assert sorted(status for status, _ in answers) == [201] + [409] * 9
    assert {p["type"] for status, p in answers if status == 409} == {"urn:nexus:problem:already-booked"}
    assert (await post(clinic, body | {"resource": "Dr. Rui"}))[0] == 201, "another resource is free"
    assert (await post(clinic, wanted(UUID(body["customer_id"]), "Dr. Lia", hour=10)))[0] == 201, (
        "so is later"
    )


async def test_what_a_cancelled_appointment_took_is_free_again(
    clinic: ModuleProcess, customer: Customer, wanted: Wanted
) -> None:
    body = wanted(await customer(clinic))
    _, booked = await post(clinic, body)
    await post(clinic, {"reason": "ill"}, f"{API}/{booked['id']}/cancel")
    assert (await post(clinic, body))[0] == 201


async def test_values_that_make_no_sense_are_named(
    clinic: ModuleProcess, customer: Customer, wanted: Wanted
) -> None:
    body = wanted(await customer(clinic))
    for wrong, field in (
        ({"ends_at": body["starts_at"]}, "body.ends_at"),
        ({"starts_at": "tomorrow"}, "body.starts_at"),
        ({"resource": "  "}, "body.resource"),
        ({"notes": "a\0b"}, None),
    ):
        status, problem = await post(clinic, body | wrong)
        assert status == 422, wrong
        assert [fault["field"] for fault in problem.get("errors", [])] == ([field] if field else [])


async def test_lists_come_in_pages_in_the_order_of_time(
    clinic: ModuleProcess, customer: Customer, wanted: Wanted
) -> None:
    customer_id = await customer(clinic)
    for hour in (15, 9, 12, 10, 14):
        assert (await post(clinic, wanted(customer_id, hour=hour)))[0] == 201
    starts: list[str] = []
    cursor = ""
    while True:
        query = f"?limit=2&customer_id={customer_id}{cursor}"
        async with clinic.http.get(API + query, headers=clinic.headers()) as answer:
            page = await answer.json()
        starts += [item["starts_at"][11:13] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert starts == ["12", "13", "15", "17", "18"]
    async with clinic.http.get(f"{API}?cursor=made-up", headers=clinic.headers()) as answer:
        assert answer.status == 404


async def test_a_company_sees_and_touches_only_its_own(
    clinic: ModuleProcess, customer: Customer, wanted: Wanted
) -> None:
    ours = await customer(clinic)
    _, booked = await post(clinic, wanted(ours, resource="the only room"))
    theirs = {"company_id": OTHER_COMPANY}
    async with clinic.http.get(f"{API}/{booked['id']}", headers=clinic.headers(**theirs)) as answer:
        assert answer.status == 404
    assert (await post(clinic, {"reason": "x"}, f"{API}/{booked['id']}/cancel", **theirs))[0] == 404
    assert (await post(clinic, wanted(ours), **theirs))[0] == 422, "our customer is none of theirs"
    their_customer = await customer(clinic, company_id=OTHER_COMPANY)
    assert (await post(clinic, wanted(their_customer, resource="the only room"), **theirs))[0] == 201


async def test_a_merged_customers_appointments_go_to_the_one_that_is_kept(
    clinic: ModuleProcess, customer: Customer, wanted: Wanted
) -> None:
    duplicate = await customer(clinic, "Ana P.")
    _, booked = await post(clinic, wanted(duplicate))
    kept = uuid4()
    data = {"customer_id": str(kept), "duplicate_id": str(duplicate)}
    await clinic.publish("crm", "customer.merged", kept, data)  # before the CRM told of the kept one
    told = {"customer_id": str(kept), "name": "Ana Paula", "status": "active"}
    await clinic.publish("crm", "customer.created", kept, told)

    async def moved() -> bool:
        row = await clinic.admin.fetchval(
            "SELECT customer_id FROM appointments WHERE id = $1", UUID(booked["id"])
        )
        return bool(row == kept)

    await clinic.wait(moved)
    status, problem = await post(clinic, wanted(duplicate))
    assert (status, problem["type"]) == (422, "urn:nexus:problem:customer-merged")


async def test_the_latest_word_about_a_customer_counts_whatever_comes_last(
    clinic: ModuleProcess, customer: Customer
) -> None:
    customer_id = await customer(clinic, "New name")
    entry = json.dumps({"customer_id": str(customer_id), "name": "Old name", "status": "active"})
    fields = {
        "id": str(uuid4()), "type": "customer.updated", "entity": str(customer_id),
        "company": str(clinic.company_id), "at": "2020-01-01T00:00:00+00:00", "data": entry,
    }  # fmt: skip
    await clinic.redis("XADD", "nexus:events:crm", "*", *(part for pair in fields.items() for part in pair))
    await customer(clinic, "Somebody else")  # told later: by now the old word was heard

    async def heard() -> bool:
        return bool(
            await clinic.admin.fetchval("SELECT 1 FROM inbox WHERE event_id = $1", UUID(fields["id"]))
        )

    await clinic.wait(heard)
    assert await clinic.admin.fetchval("SELECT name FROM customers WHERE id = $1", customer_id) == "New name"


async def test_a_list_from_a_time_on_holds_what_ends_later_even_when_it_began_before(
    clinic: ModuleProcess, customer: Customer, wanted: Wanted
) -> None:
    body = wanted(await customer(clinic))
    longest = {"starts_at": "2031-05-01T00:00:00Z", "ends_at": "2031-05-02T00:00:00Z"}
    _, booked = await post(clinic, body | longest)
    for start, found in (("2031-05-01T23:59:59Z", [booked["id"]]), ("2031-05-02T00:00:00Z", [])):
        query = {"from": start, "customer_id": body["customer_id"]}
        async with clinic.http.get(API, params=query, headers=clinic.headers()) as answer:
            assert [item["id"] for item in (await answer.json())["items"]] == found
