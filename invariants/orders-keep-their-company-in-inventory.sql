-- title: An order belongs to the same company in sales and in inventory
-- needs: sales, inventory
SELECT demands.order_id, demands.company_id AS inventory_company, orders.company_id AS sales_company
  FROM inventory.demands LEFT JOIN sales.orders ON orders.id = demands.order_id
 WHERE orders.company_id IS DISTINCT FROM demands.company_id;
