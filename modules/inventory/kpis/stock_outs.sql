-- Products on sale of which nothing is free to promise.
SELECT count(*) AS value
FROM (
    SELECT p.id
    FROM inventory.products AS p
    LEFT JOIN inventory.stock AS s ON s.company_id = p.company_id AND s.product_id = p.id
    WHERE p.active
    GROUP BY p.id
    HAVING coalesce(sum(s.on_hand - s.reserved), 0) <= 0
) AS out;
