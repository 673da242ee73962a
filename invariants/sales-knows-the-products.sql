-- title: A minute after a change sales knows products as inventory has them
-- needs: sales, inventory
SELECT products.id AS product_id, products.sku, known.sku AS sku_in_sales,
       products.name, known.name AS name_in_sales
  FROM inventory.products
  LEFT JOIN sales.products AS known ON known.company_id = products.company_id AND known.id = products.id
 WHERE products.updated_at < now() - interval '60 seconds'
   AND (products.sku, products.name, products.unit, products.list_price, products.currency, products.active)
       IS DISTINCT FROM (known.sku, known.name, known.unit, known.list_price, known.currency, known.active);
