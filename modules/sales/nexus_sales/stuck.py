"""Orders that stopped on their way: the module's own question, step by step."""

from nexus_kit import BusinessHealth, Module, Tx

# A step that only modules take should take seconds; one that waits for the bank's settlement may take longer.
STEP_S = 60
SETTLEMENT_S = 900

IN_HAND = f"""
SELECT count(*) FILTER (WHERE state = 'confirmed' AND exception IS NULL AND shipment_state = 'none'
                          AND confirmed_at < now() - interval '{STEP_S} s') AS waiting_reservation,
       count(*) FILTER (WHERE shipment_state = 'shipped' AND invoice_state = 'none' AND exception IS NULL
                          AND shipped_at < now() - interval '{STEP_S} s') AS waiting_invoice,
       count(*) FILTER (WHERE invoice_state = 'paid' AND reconciled_at IS NULL
                          AND paid_at < now() - interval '{SETTLEMENT_S} s') AS waiting_reconciliation,
       count(*) FILTER (WHERE shipment_state = 'reserved') AS waiting_shipment,
       count(*) FILTER (WHERE shipment_state = 'backorder') AS waiting_stock,
       count(*) FILTER (WHERE invoice_state = 'posted') AS waiting_payment,
       count(*) FILTER (WHERE exception IS NOT NULL) AS exceptions
FROM orders
WHERE state IN ('confirmed', 'processing') AND NOT of_probe
"""
UNDOING = f"""
SELECT count(*) FROM orders
WHERE state = 'cancelled' AND NOT of_probe AND cancelled_at < now() - interval '{STEP_S} s'
  AND (shipment_state IN ('reserved', 'shipped') OR invoice_state IN ('posted', 'paid'))
"""
STUCK = ("waiting_reservation", "waiting_invoice", "waiting_reconciliation")


def register(module: Module) -> None:
    """Put the numbers behind ``/health/business``."""

    @module.business
    async def numbers(tx: Tx) -> BusinessHealth:
        counts = dict(await tx.fetchrow(IN_HAND))
        counts["waiting_compensation"] = await tx.fetchval(UNDOING)
        counts["orders_stuck"] = sum(counts[step] for step in (*STUCK, "waiting_compensation"))
        return BusinessHealth(counts, bad=("orders_stuck",))
