"""The journey of one order as its people live it: quote, confirm, pay, see it done."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from dataclasses import dataclass, field

from nexus_company.client import ApiError, Client
from nexus_company.shop import Shop

ENDED = ("done", "cancelled")
WATCH_EVERY = 0.2  # seconds between two looks at the open orders
PAGE = 200


@dataclass
class Tally:
    """What became of the orders; latencies are seconds from confirm to ledger."""

    placed: int = 0
    completed: int = 0
    cancelled: int = 0
    failed: int = 0
    latencies: list[float] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)

    def fail(self, reason: str) -> None:
        self.failed += 1
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    @property
    def ended(self) -> int:
        return self.completed + self.cancelled + self.failed


class Journeys:
    """Places orders and follows them all with a few shared requests.

    Args:
        client: the session of the people who act.
        shop: customers and products that exist in the ERP.
        rng: seeded source of choices.
        cancel_share: share of quotations the customer turns down.
        patience: seconds an order may take from confirm to ledger before it counts as failed.
    """

    def __init__(
        self, client: Client, shop: Shop, rng: random.Random, *, cancel_share: float, patience: float
    ) -> None:
        self.client = client
        self.shop = shop
        self.rng = rng
        self.cancel_share = cancel_share
        self.patience = patience
        self.tally = Tally()
        self._unpaid: set[str] = set()
        self._ends: dict[str, asyncio.Future[str]] = {}

    async def one(self) -> None:
        """Takes one order from quote to its end and counts how it ended."""
        order = self.shop.draw_order(self.rng)
        turned_down = self.rng.random() < self.cancel_share
        self.tally.placed += 1
        try:
            quote = await self.client.post(
                "/api/sales/orders", {**order, "quote": True}, key=str(uuid.uuid4())
            )
            order_id = quote["id"]
            if turned_down:
                await self.client.post(
                    f"/api/sales/orders/{order_id}/cancel", {"reason": "customer declined"}
                )
                self.tally.cancelled += 1
                return
            end = asyncio.get_running_loop().create_future()
            self._ends[order_id] = end
            started = time.perf_counter()
            await self.client.post(f"/api/sales/orders/{order_id}/confirm", key=str(uuid.uuid4()))
            self._unpaid.add(order_id)
            state = await asyncio.wait_for(end, self.patience)
            if state == "done":
                self.tally.completed += 1
                self.tally.latencies.append(time.perf_counter() - started)
            else:
                self.tally.cancelled += 1
        except ApiError as refused:
            self.tally.fail(str(refused.problem.get("type") or refused))
        except TimeoutError:
            self.tally.fail(f"not in the ledger {self.patience:.0f} s after its confirmation")
        finally:
            self._forget(locals().get("order_id"))

    def _forget(self, order_id: str | None) -> None:
        if order_id:
            self._ends.pop(order_id, None)
            self._unpaid.discard(order_id)

    async def watch(self) -> None:
        """Pays what is due and notices what ended, until cancelled."""
        while True:
            started = time.monotonic()
            try:
                await self._pay_due()
                await self._notice_ends()
            except ApiError as away:
                self.tally.reasons[f"watching: {away}"] = self.tally.reasons.get(f"watching: {away}", 0) + 1
            await asyncio.sleep(max(0.02, WATCH_EVERY - (time.monotonic() - started)))

    async def _pay_due(self) -> None:
        for page in _pages(list(self._unpaid)):
            query = "&".join(f"order_id={order}" for order in page)
            due = await self.client.get(f"/api/financial/charges?state=active&limit={PAGE}&{query}")
            await asyncio.gather(*(self._pay(charge) for charge in due["items"]))

    async def _pay(self, charge: dict[str, str]) -> None:
        """Pays a PIX charge; now and then the bank announces it twice or late."""
        notice: dict[str, int] = {}
        luck = self.rng.random()
        if luck < 0.02:
            notice["duplicates"] = 2
        elif luck < 0.03:
            notice["delay_ms"] = 300
        await self.client.post(
            f"/api/financial/pix/simulator/charges/{charge['txid']}/pay", notice, key=charge["txid"]
        )
        self._unpaid.discard(charge["order_id"])

    async def _notice_ends(self) -> None:
        waiting = [order for order in self._ends if order not in self._unpaid]
        for page in _pages(waiting):
            query = "&".join(f"id={order}" for order in page)
            found = await self.client.get(f"/api/sales/orders?limit={PAGE}&{query}")
            for order in found["items"]:
                end = self._ends.get(order["id"])
                if order["state"] in ENDED and end is not None and not end.done():
                    end.set_result(order["state"])


def _pages(ids: list[str]) -> list[list[str]]:
    return [ids[start : start + PAGE] for start in range(0, len(ids), PAGE)]
