-- title: Every company that sales works for is registered in users
-- needs: users, sales
SELECT DISTINCT orders.company_id
  FROM sales.orders LEFT JOIN users.companies ON companies.id = orders.company_id
 WHERE companies.id IS NULL;
