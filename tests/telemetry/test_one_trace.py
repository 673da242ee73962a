"""One order is one trace: from its creation to its completion, through HTTP and events, on the whole ERP."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import aiohttp
import pytest
from nexus_kit.testing import OtlpSink

from nexus.testing import ThrowawayStack, throwaway_stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
MOMENTS = {
    "order confirmed": "sales",
    "stock reserved": "inventory",
    "shipment shipped": "inventory",
    "invoice posted": "financial",
    "payment received": "financial",
    "payment reconciled": "financial",
    "order completed": "sales",
}
IN_THE_ORDERS_TRACE = {
    ("sales", "POST /api/sales/orders"),
    ("sales", "quote order"),
    ("sales", "confirm order"),
    ("inventory", "handle order.confirmed"),
    ("financial", "handle order.confirmed"),
    ("sales", "handle stock.reserved"),
    ("financial", "handle shipment.shipped"),
    ("sales", "handle shipment.shipped"),
    ("sales", "handle invoice.posted"),
    ("financial", "hear of payment"),
    ("financial", "publish payment.received"),
    ("sales", "handle payment.received"),
    ("financial", "publish payment.reconciled"),
    ("sales", "handle payment.reconciled"),
}


@pytest.fixture(scope="module")
def sink() -> Iterator[OtlpSink]:
    with OtlpSink() as sink:
        yield sink


@pytest.fixture(scope="module")
def erp(sink: OtlpSink) -> Iterator[ThrowawayStack]:
    with patch.dict(os.environ, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint), throwaway_stack() as stack:
        stack.nexus("simulate", "--orders", "1", "--seed", "1", "--cancel-share", "0")
        yield stack


class Person:
    """An administrator at the edge."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def ask(self, method: str, path: str, body: Any = None, trace: str | None = None) -> Any:
        headers = {"traceparent": trace} if trace else {}
        async with self._http.request(method, path, json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def until(self, path: str, true: Any) -> Any:
        async with asyncio.timeout(60):
            while not true(found := await self.ask("GET", path)):
                await asyncio.sleep(0.1)
            return found


async def complete_order(stack: ThrowawayStack) -> dict[str, Any]:
    """An order that is drafted in the trace TRACE, then quoted, confirmed and paid by later requests."""
    base = stack.address("nginx")
    async with aiohttp.ClientSession(base) as http:
        login = {"email": "admin@nexus.local", "password": stack.admin_password()}
        token = (await Person(http).ask("POST", "/api/auth/login", login))["access_token"]
    async with aiohttp.ClientSession(base, headers={"Authorization": f"Bearer {token}"}) as http:
        person = Person(http)
        customer = (await person.ask("GET", "/api/crm/customers?limit=1"))["items"][0]["id"]
        product = (await person.ask("GET", "/api/inventory/products?limit=1"))["items"][0]["id"]
        wish = {"customer_id": customer, "lines": [{"product_id": product, "quantity": "1"}]}
        order = await person.ask("POST", "/api/sales/orders", wish, TRACEPARENT)
        path = f"/api/sales/orders/{order['id']}"
        await person.ask("POST", f"{path}/quote")
        await person.ask("POST", f"{path}/confirm")
        due = f"/api/financial/charges?state=active&order_id={order['id']}"
        charge = (await person.until(due, lambda page: page["items"]))["items"][0]
        await person.ask("POST", f"/api/financial/pix/simulator/charges/{charge['txid']}/pay")
        done: dict[str, Any] = await person.until(path, lambda order: order["state"] == "done")
        return done


def lines_of(stack: ThrowawayStack, service: str) -> list[dict[str, Any]]:
    text = (stack.home / "logs" / f"{service}.log").read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


async def test_an_orders_path_from_draft_to_completion_is_one_trace(
    erp: ThrowawayStack, sink: OtlpSink
) -> None:
    order = await complete_order(erp)

    def missing() -> set[tuple[str, str]]:
        return IN_THE_ORDERS_TRACE - {(s.service, s.name) for s in sink.spans if s.trace_id == TRACE}

    await asyncio.to_thread(sink.wait, lambda: not missing())
    spans = [span for span in sink.spans if span.trace_id == TRACE]
    ids = {span.span_id for span in spans} | {TRACEPARENT.split("-")[2]}
    assert [span.name for span in spans if span.parent_id not in ids] == []
    assert not [span for span in spans if span.failed]
    named = [span for span in spans if span.attributes.get("order_id") == order["id"]]
    assert {span.service for span in named} == {"sales", "inventory", "financial"}

    # The requests that came later have traces of their own, and each points to its part of the order's.
    requests = [span for span in sink.spans if span.attributes.get("order_id") == order["id"]]
    later = [span for span in requests if span.trace_id != TRACE and span.kind == 2]
    assert {"POST /api/sales/orders/{order_id}/confirm", "POST /api/sales/orders/{order_id}/quote"} <= {
        span.name for span in later
    }
    for span in later:
        assert any(trace_id == TRACE and span_id in ids for trace_id, span_id, _ in span.links)

    # Each moment of business is one line, in the order's trace and with its ids.
    for moment, service in MOMENTS.items():
        lines = [line for line in lines_of(erp, service) if line.get("order_id") == order["id"]]
        (line,) = [line for line in lines if line["message"] == moment]
        assert (line["trace_id"], line["order_number"]) == (TRACE, str(order["number"]))
        assert line["span_id"] in ids
    (edge,) = [line for line in lines_of(erp, "nginx") if line["trace_id"] == TRACE]
    (gate,) = [line for line in lines_of(erp, "gateway") if line.get("trace_id") == TRACE]
    assert edge["request_id"] == gate["request_id"] != TRACE
