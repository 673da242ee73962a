-- title: Stock movements
-- needs: inventory
-- unit: count
SELECT kind AS of, count(*)::numeric AS value FROM inventory.movements GROUP BY kind;
