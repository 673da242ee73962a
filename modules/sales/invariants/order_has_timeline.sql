-- title: Each order's timeline tells how it came to its state
-- needs: sales
SELECT o.company_id, o.id AS order_id, o.number, o.state, missing.event AS missing_event
FROM sales.orders AS o
JOIN (VALUES ('draft', 'order.created'), ('quotation', 'order.quoted'), ('confirmed', 'order.confirmed'),
             ('processing', 'order.confirmed'), ('done', 'order.completed'), ('cancelled', 'order.cancelled'))
     AS missing (state, event) ON missing.state = o.state
WHERE NOT EXISTS (
    SELECT FROM sales.order_timeline AS t
    WHERE t.company_id = o.company_id AND t.order_id = o.id AND t.event = missing.event);
