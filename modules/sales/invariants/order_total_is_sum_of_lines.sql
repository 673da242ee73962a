-- title: The total of an order is the sum of its lines, and each line is quantity times price less discount
-- needs: sales
SELECT o.company_id, o.id AS order_id, o.number, o.total, sum(l.total) AS lines_total
FROM sales.orders AS o
LEFT JOIN sales.order_lines AS l ON l.company_id = o.company_id AND l.order_id = o.id
GROUP BY o.company_id, o.id
HAVING o.total IS DISTINCT FROM sum(l.total)
    OR bool_or(l.total <> round(l.quantity * l.unit_price * (100 - l.discount_percent) / 100, 2));
