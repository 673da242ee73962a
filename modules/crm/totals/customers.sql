-- title: Customers
-- needs: crm
-- unit: count
SELECT status AS of, count(*)::numeric AS value FROM crm.customers GROUP BY status;
