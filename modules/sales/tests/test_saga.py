"""Order-to-cash on the real process: facts from the streams of inventory and financial."""

import json
import random

import pytest

HAPPY = ("stock.reserved", "shipment.shipped", "invoice.posted", "payment.received", "payment.reconciled")


@pytest.mark.parametrize("seed", range(4))
async def test_facts_in_any_order_and_repeated_end_in_one_completed_order(shop, seed):
    order = await shop.confirmed()
    facts = [*HAPPY, *HAPPY]
    random.Random(seed).shuffle(facts)
    for kind in facts:
        await shop.fact(kind, order["id"])
    await shop.heard(order["id"], len(facts))
    done = await shop.call("GET", f"/orders/{order['id']}")
    assert done["state"] == "done"
    assert (done["shipment_state"], done["invoice_state"], done["actions"]) == ("shipped", "paid", [])
    keys = [one["event"] for one in done["timeline"]]
    assert sorted(keys[3:]) == sorted([*HAPPY, "order.completed"])
    assert len(await shop.announced("order.completed", order["id"])) == 1


async def test_many_orders_go_through_in_batches(shop):
    orders = [await shop.confirmed() for _ in range(20)]
    for kind in HAPPY:
        for order in orders:
            await shop.fact(kind, order["id"])

    async def all_done() -> bool:
        return len((await shop.call("GET", "/orders?state=done"))["items"]) == 20

    await shop.module.wait(all_done)


async def test_missing_stock_offers_a_back_order_and_goods_that_arrive_complete_it(shop):
    order = await shop.confirmed()
    missing = [{"product_id": str(shop.products[0]), "requested": "2", "available": "0"}]
    await shop.fact("stock.reservation_failed", order["id"], lines=missing)
    seen = await shop.until(order["id"], lambda o: o["exception"] == "out_of_stock")
    assert seen["actions"] == ["backorder", "cancel"]
    assert seen["timeline"][-1]["params"] == {"lines": missing}
    listed = await shop.call("GET", "/orders?exception=true")
    assert [one["id"] for one in listed["items"]] == [order["id"]]
    assert (await shop.call("GET", "/orders?exception=false"))["items"] == []
    accepted = await shop.call("POST", f"/orders/{order['id']}/backorder")
    assert (accepted["exception"], accepted["shipment_state"]) == (None, "backorder")
    assert len(await shop.announced("order.backorder_requested", order["id"])) == 1
    await shop.call("POST", f"/orders/{order['id']}/backorder", 409)
    for kind in HAPPY:
        await shop.fact(kind, order["id"])
    await shop.until(order["id"], lambda o: o["state"] == "done")


async def test_a_failed_shipment_is_an_exception_that_names_its_reason(shop):
    order = await shop.confirmed()
    await shop.fact("stock.reserved", order["id"])
    await shop.fact("stock.released", order["id"])
    await shop.fact("shipment.failed", order["id"], reason="caminhão quebrado")
    seen = await shop.until(order["id"], lambda o: o["exception"] == "shipment_failed")
    assert (seen["state"], seen["shipment_state"]) == ("processing", "failed")
    assert seen["timeline"][-1]["text"] == "Falha na expedição: caminhão quebrado"
    assert "backorder" in seen["actions"]


async def test_an_expired_payment_cancels_and_asks_for_the_goods_back(shop):
    order = await shop.confirmed()
    for kind in (*HAPPY[:3], "payment.expired"):
        await shop.fact(kind, order["id"])
    await shop.until(order["id"], lambda o: o["state"] == "cancelled")
    (data,) = await shop.announced("order.cancelled", order["id"])
    assert data == {"order_id": order["id"], "reason": "payment_expired", "shipped": True}
    await shop.fact("shipment.returned", order["id"])
    await shop.fact("invoice.reversed", order["id"])
    undone = await shop.until(
        order["id"], lambda o: (o["shipment_state"], o["invoice_state"]) == ("returned", "reversed")
    )
    assert undone["state"] == "cancelled"


async def test_cancelling_before_shipment_says_nothing_was_shipped(shop):
    order = await shop.confirmed()
    await shop.fact("stock.reserved", order["id"])
    await shop.until(order["id"], lambda o: o["shipment_state"] == "reserved")
    cancelled = await shop.call("POST", f"/orders/{order['id']}/cancel", json={"reason": "desistiu"})
    assert (cancelled["state"], cancelled["cancel_reason"]) == ("cancelled", "desistiu")
    (data,) = await shop.announced("order.cancelled", order["id"])
    assert data["shipped"] is False
    await shop.fact("stock.released", order["id"])
    await shop.until(order["id"], lambda o: o["shipment_state"] == "none")


async def test_a_done_order_cannot_be_cancelled(shop):
    order = await shop.confirmed()
    for kind in HAPPY:
        await shop.fact(kind, order["id"])
    await shop.until(order["id"], lambda o: o["state"] == "done")
    refused = await shop.call("POST", f"/orders/{order['id']}/cancel", 409, json={"reason": "tarde"})
    assert refused["actions"] == []


async def test_a_fact_about_an_order_nobody_knows_does_not_stop_the_others(shop):
    order = await shop.confirmed()
    await shop.fact("stock.reserved", "01930000-0000-7000-8000-000000000000")
    await shop.fact("stock.reserved", order["id"])
    await shop.until(order["id"], lambda o: o["state"] == "processing")


async def test_costs_stay_out_of_the_timeline(shop):
    order = await shop.confirmed()
    lines = [{"product_id": str(shop.products[0]), "quantity": "2", "unit_cost": "3.00"}]
    await shop.fact("shipment.shipped", order["id"], shipment_id="s1", lines=lines)
    seen = await shop.until(order["id"], lambda o: o["shipment_state"] == "shipped")
    assert seen["timeline"][-1]["params"] == {"shipment_id": "s1"}


async def test_each_end_of_an_order_is_one_line_of_the_log_in_the_orders_trace(shop):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    shop.headers["traceparent"] = f"00-{trace}-00f067aa0ba902b7-01"
    turned_down = await shop.quote()
    done, late = await shop.confirmed(), await shop.confirmed()
    del shop.headers["traceparent"]
    await shop.call("POST", f"/orders/{turned_down['id']}/cancel", json={"reason": "Ana da Silva desistiu"})
    for kind in HAPPY:
        await shop.fact(kind, done["id"])
    await shop.fact("payment.expired", late["id"])
    await shop.until(done["id"], lambda o: o["state"] == "done")
    await shop.until(late["id"], lambda o: o["state"] == "cancelled")

    def lines_of(order: dict) -> list[dict]:
        lines = [json.loads(line) for line in shop.module.logs().split("\n") if line]
        return [line for line in lines if line.get("order_id") == order["id"]]

    for order, ends in (
        (turned_down, ["order cancelled"]),
        (done, ["order confirmed", "order completed"]),
        (late, ["order confirmed", "order cancelled"]),
    ):

        async def ended(order: dict = order, ends: list[str] = ends) -> list[dict] | None:
            told = lines_of(order)  # written just after the commit
            return told if len(told) >= len(ends) else None

        told = await shop.module.wait(ended)
        assert [line["message"] for line in told] == ends
        assert {line["order_number"] for line in told} == {str(order["number"])}
        assert {line["total"] for line in told} == {order["total"]}
    (end,) = lines_of(turned_down)
    assert end["trace_id"] == trace
    assert "Ana da Silva" not in shop.module.logs()
