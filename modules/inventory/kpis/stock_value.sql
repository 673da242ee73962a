-- Goods on hand at their moving average cost.
SELECT coalesce(sum(s.on_hand * s.average_cost), 0) AS value
FROM inventory.stock AS s
JOIN inventory.products AS p ON p.company_id = s.company_id AND p.id = s.product_id
WHERE p.currency = 'BRL';
