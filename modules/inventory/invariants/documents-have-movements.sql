-- title: Every receipt, adjustment and transfer has its movements, and every such movement its document
-- needs: inventory
WITH documents AS (
    SELECT 'receipt' AS kind, id FROM inventory.receipts
    UNION ALL SELECT 'adjustment', id FROM inventory.adjustments
    UNION ALL SELECT 'transfer', id FROM inventory.transfers),
moved AS (
    SELECT DISTINCT kind, document_id AS id FROM inventory.movements
     WHERE kind IN ('receipt', 'adjustment', 'transfer'))
SELECT kind, id, documents.id IS NULL AS without_document
  FROM documents FULL JOIN moved USING (kind, id)
 WHERE documents.id IS NULL OR moved.id IS NULL;
