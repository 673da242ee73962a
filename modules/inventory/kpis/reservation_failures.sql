-- Orders that could not be reserved in the last quarter of an hour. Ids are made of the time.
SELECT count(*) AS value
FROM inventory.outbox
WHERE id > (SELECT uuidv7(interval '-15 minutes')) AND type = 'stock.reservation_failed';
