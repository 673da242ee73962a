-- title: Each invoice has exactly one posting entry, of the same total
-- needs: financial
SELECT i.company_id, i.id AS invoice_id, i.number, i.total, count(e.id) AS entries, sum(e.total) AS posted
  FROM financial.invoices i
  LEFT JOIN financial.entries e ON e.source_id = i.id AND e.kind = 'invoice' AND e.state = 'posted'
 GROUP BY i.id
HAVING count(e.id) <> CASE WHEN i.total > 0 THEN 1 ELSE 0 END OR coalesce(sum(e.total), 0) <> i.total;
