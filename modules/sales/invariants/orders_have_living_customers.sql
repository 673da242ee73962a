-- title: No order belongs to a customer that was merged into another
-- needs: sales
SELECT o.company_id, o.id AS order_id, o.number, o.customer_id, c.merged_into
FROM sales.orders AS o
JOIN sales.customers AS c ON c.company_id = o.company_id AND c.id = o.customer_id
WHERE c.status = 'merged';
