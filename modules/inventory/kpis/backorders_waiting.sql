-- Orders that wait for goods, accepted as back-orders.
SELECT count(*) AS value FROM inventory.demands WHERE waiting_since IS NOT NULL;
