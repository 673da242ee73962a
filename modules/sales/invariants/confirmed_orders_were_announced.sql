-- title: Each confirmed order of the last day was announced to the other modules exactly once
-- needs: sales
SELECT o.company_id, o.id AS order_id, o.number, count(e.id) AS announcements
FROM sales.orders AS o
LEFT JOIN sales.outbox AS e ON e.entity_id = o.id AND e.type = 'order.confirmed'
WHERE o.confirmed_at > now() - interval '1 day' AND o.created_by IS NOT NULL
GROUP BY o.company_id, o.id
HAVING count(e.id) <> 1;
