-- title: A company has at most one active customer per tax id
-- needs: crm
SELECT company_id, tax_id, count(*) AS customers
FROM crm.customers
WHERE status = 'active'
GROUP BY company_id, tax_id
HAVING count(*) > 1;
