"""Appointments: the whole contract of a module, kept by Node.js, TypeScript and Prisma."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

from nexus_kit.testing import ModuleProcess
from nexus_kit.testing.contract import bombard

API = "/api/appointments"
OTHER_COMPANY = UUID("0199bbbb-0000-7000-8000-000000000002")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
Wanted = Callable[..., dict[str, Any]]
Customer = Callable[..., Awaitable[UUID]]
Start = Callable[..., Any]


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
