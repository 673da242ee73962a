-- title: Every company that crm works for is registered in users
-- needs: users, crm
SELECT DISTINCT customers.company_id
  FROM crm.customers LEFT JOIN users.companies ON companies.company_id = customers.company_id
 WHERE companies.company_id IS NULL;
