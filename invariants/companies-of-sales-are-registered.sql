-- title: Every company that sales works for is registered in users
-- needs: users, sales
SELECT DISTINCT orders.company_id
  FROM sales.orders LEFT JOIN users.companies ON companies.company_id = orders.company_id
 WHERE companies.company_id IS NULL;
