-- Orders that wait longer than their step takes: modules take seconds, dispatch and settlement a quarter of an hour.
WITH in_hand AS (
    SELECT count(*) FILTER (WHERE state = 'confirmed' AND exception IS NULL AND shipment_state = 'none'
                              AND confirmed_at < now() - interval '1 minute') AS reserve,
           count(*) FILTER (WHERE shipment_state = 'reserved'
                              AND reserved_at < now() - interval '15 minutes') AS ship,
           count(*) FILTER (WHERE shipment_state = 'shipped' AND invoice_state = 'none' AND exception IS NULL
                              AND shipped_at < now() - interval '1 minute') AS invoice,
           count(*) FILTER (WHERE invoice_state = 'paid' AND reconciled_at IS NULL
                              AND paid_at < now() - interval '15 minutes') AS reconcile,
           count(*) FILTER (WHERE reconciled_at < now() - interval '1 minute' AND exception IS NULL) AS complete
    FROM sales.orders
    WHERE state IN ('confirmed', 'processing') AND NOT of_probe
),
undoing AS (
    SELECT count(*) AS undo
    FROM sales.orders
    WHERE state = 'cancelled' AND NOT of_probe
      AND cancelled_at > now() - interval '7 days' AND cancelled_at < now() - interval '1 minute'
      AND (shipment_state IN ('reserved', 'shipped') OR invoice_state IN ('posted', 'paid'))
)
SELECT s.step, s.value
FROM in_hand, undoing, LATERAL (VALUES ('reserve', reserve), ('ship', ship), ('invoice', invoice),
                                       ('reconcile', reconcile), ('complete', complete), ('undo', undo)
                               ) AS s (step, value);
