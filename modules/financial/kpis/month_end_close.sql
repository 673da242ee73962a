-- How far the close of the last month is, over all companies that have that month in their books. A quarter each:
-- earlier months closed, its shipments invoiced, its payments reconciled, and the steps of its close.
WITH books AS (
    SELECT date_trunc('month', now() AT TIME ZONE 'America/Sao_Paulo')::date AS this_month
),
last AS (
    SELECT p.company_id, p.id, p.month, p.state, b.this_month
    FROM books AS b
    JOIN financial.periods AS p ON p.month = (b.this_month - interval '1 month')::date
)
SELECT 25.0 * avg(CASE WHEN l.state IN ('closed', 'locked') THEN 4 ELSE
    (NOT EXISTS (SELECT FROM financial.periods AS e
                 WHERE e.company_id = l.company_id AND e.month < l.month AND e.state IN ('open', 'closing')))::int
    + (NOT EXISTS (SELECT FROM financial.orders AS o
                   WHERE o.company_id = l.company_id AND o.invoice_id IS NULL AND o.cancelled_at IS NULL
                     AND o.shipped_at < l.this_month))::int
    + (NOT EXISTS (SELECT FROM financial.payments AS y
                   WHERE y.company_id = l.company_id AND y.reconciled_at IS NULL
                     AND y.received_at < l.this_month))::int
    + coalesce((SELECT count(s.step) / 5.0
                FROM financial.closes AS c
                JOIN financial.close_steps AS s ON s.close_id = c.id
                WHERE c.company_id = l.company_id AND c.period_id = l.id AND c.state = 'running'), 0)
    END) AS value
FROM last AS l;
