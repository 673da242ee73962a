-- Payments that the bank has not confirmed after five minutes.
SELECT count(*) AS value
FROM financial.payments
WHERE reconciled_at IS NULL AND created_at < now() - interval '5 minutes';
