-- title: Every company that inventory works for is registered in users
-- needs: users, inventory
SELECT DISTINCT warehouses.company_id
  FROM inventory.warehouses LEFT JOIN users.companies ON companies.company_id = warehouses.company_id
 WHERE companies.company_id IS NULL;
