-- title: New customers
-- needs: crm
-- unit: count
SELECT status AS of, count(*) AS count, count(*)::numeric AS amount
FROM crm.customers WHERE created_at >= $1 GROUP BY status;
