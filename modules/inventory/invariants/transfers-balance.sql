-- title: What left one warehouse in a transfer arrived in the other
-- needs: inventory
SELECT document_id AS transfer_id, product_id, sum(quantity) AS difference
  FROM inventory.movements WHERE kind = 'transfer'
 GROUP BY document_id, product_id
HAVING sum(quantity) <> 0;
