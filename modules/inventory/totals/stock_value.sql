-- title: Stock value by company and warehouse
-- needs: inventory
-- unit: money
SELECT concat_ws(' ', s.company_id, w.name, p.currency) AS of, sum(s.on_hand * s.average_cost) AS value
FROM inventory.stock AS s
JOIN inventory.warehouses AS w ON w.id = s.warehouse_id
JOIN inventory.products AS p ON p.id = s.product_id
GROUP BY s.company_id, w.name, p.currency;
