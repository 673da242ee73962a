"""Takes orders through Tryton from quote to payment for some seconds; prints how many as JSON.

Run with Tryton's own interpreter. TRYTOND_DATABASE_URI names the database; the argument is seconds.
The calls are the leanest that its remote interface offers, made in process: no HTTP, no screen defaults.
"""

import json
import os
import sys
import time
from decimal import Decimal
from typing import Any

from proteus import config
from trytond import backend


class Seller:
    """One worker with its own connection."""

    def __init__(self, uri: str) -> None:
        self.config = config.set_trytond(uri)
        self.context = self.config.context

    def call(self, model: str, method: str, *arguments: Any, kind: str = "model") -> Any:
        """Calls as Tryton's dispatcher does: a serialisation failure is tried again."""
        proxy = getattr(self.config.get_proxy(model, type=kind), method)
        for attempt in range(20):
            try:
                return proxy(*arguments)
            except backend.DatabaseOperationalError:
                time.sleep(0.02 * (attempt + 1))
        return proxy(*arguments)

    def first(self, model: str, *domain: Any) -> int:
        return self.call(model, "search", list(domain), 0, 1, None, self.context)[0]

    def order(self) -> None:
        """Quote, confirm, process, assign, pick, pack, ship, post the invoice, pay it."""
        context = self.context
        party = self.first("party.party", ("name", "=", "Cliente"))
        address = self.first("party.address", ("party", "=", party))
        line = {
            "type": "line", "product": self.first("product.product"),
            "unit": self.first("product.uom", ("name", "=", "Unit")),
            "quantity": 2.0, "unit_price": Decimal("149.90"),
        }  # fmt: skip
        sale = {
            "party": party, "invoice_address": address, "shipment_address": address,
            "payment_term": self.first("account.invoice.payment_term"),
            "invoice_method": "order", "shipment_method": "order", "lines": [("create", [line])],
        }  # fmt: skip
        (sale_id,) = self.call("sale.sale", "create", [sale], context)
        self.call("sale.sale", "quote", [sale_id], context)
        self.call("sale.sale", "confirm", [sale_id], context)
        (row,) = self.call("sale.sale", "read", [sale_id], ["shipments", "invoices"], context)
        for button in ("assign_try", "pick", "pack", "do"):
            self.call("stock.shipment.out", button, row["shipments"], context)
        self.call("account.invoice", "post", row["invoices"], context)
        self._pay(row["invoices"][0])
        (row,) = self.call("sale.sale", "read", [sale_id], ["state"], context)
        if row["state"] != "done":
            raise RuntimeError(f"order {sale_id} ended as {row['state']}")

    def _pay(self, invoice: int) -> None:
        wizard = "account.invoice.pay"
        session, start, _ = self.call(wizard, "create", self.context, kind="wizard")
        context = {
            **self.context,
            "active_id": invoice,
            "active_ids": [invoice],
            "active_model": "account.invoice",
        }
        view = self.call(wizard, "execute", session, {}, start, context, kind="wizard")["view"]
        asked = {**(view.get("defaults") or {}), **(view.get("values") or {})}
        form = {name: value for name, value in asked.items() if "." not in name}
        form["payment_method"] = self.first("account.invoice.payment.method")
        self.call(wizard, "execute", session, {"start": form}, "choice", context, kind="wizard")
        self.call(wizard, "delete", session, self.context, kind="wizard")


def main(uri: str, seconds: float) -> None:
    seller = Seller(uri)
    for _ in range(3):
        seller.order()
    took: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        seller.order()
        took.append(time.perf_counter() - start)
    print(json.dumps({"orders": len(took), "elapsed_s": time.perf_counter() - began, "seconds": took}))


if __name__ == "__main__":
    main(os.environ["TRYTOND_DATABASE_URI"], float(sys.argv[1]))
