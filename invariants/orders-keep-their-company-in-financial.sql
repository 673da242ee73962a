-- title: An order belongs to the same company in sales and in financial
-- needs: sales, financial
SELECT invoices.order_id, invoices.company_id AS financial_company, orders.company_id AS sales_company
  FROM financial.invoices LEFT JOIN sales.orders ON orders.id = invoices.order_id
 WHERE orders.company_id IS DISTINCT FROM invoices.company_id;
