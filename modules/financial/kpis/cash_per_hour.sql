-- Payments received in the last hour. Ids are made of the time; one that was told a day late is left out.
SELECT coalesce(sum(p.amount), 0) AS value
FROM financial.payments AS p
WHERE p.id > (SELECT uuidv7(interval '-1 day')) AND p.received_at > now() - interval '1 hour' AND p.currency = 'BRL';
