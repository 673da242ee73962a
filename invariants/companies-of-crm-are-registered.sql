-- title: Every company that crm works for is registered in users
-- needs: users, crm
SELECT DISTINCT customers.company_id
  FROM crm.customers LEFT JOIN users.companies ON companies.id = customers.company_id
 WHERE companies.id IS NULL;
