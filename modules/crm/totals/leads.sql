-- title: Leads
-- needs: crm
-- unit: count
SELECT status AS of, count(*)::numeric AS value FROM crm.leads GROUP BY status;
