-- title: Each order shipped over a minute ago and not cancelled has one invoice of the same total
-- needs: financial
SELECT o.company_id, o.order_id, o.number, o.total, o.shipped_at, i.id AS invoice_id, i.total AS invoiced
  FROM financial.orders o
  LEFT JOIN financial.invoices i ON i.company_id = o.company_id AND i.order_id = o.order_id
 WHERE (o.confirmed_at IS NOT NULL AND o.shipped_at < now() - interval '1 minute' AND o.cancelled_at IS NULL
        AND i.id IS NULL)
    OR i.total <> o.total
    OR (o.invoice_id IS NOT NULL AND i.id IS DISTINCT FROM o.invoice_id);
