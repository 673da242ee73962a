-- title: Every company that financial works for is registered in users
-- needs: users, financial
SELECT DISTINCT invoices.company_id
  FROM financial.invoices LEFT JOIN users.companies ON companies.company_id = invoices.company_id
 WHERE companies.company_id IS NULL;
