-- title: Each payment has one entry of its amount and is applied to one invoice or owed back
-- needs: financial
SELECT p.company_id, p.id AS payment_id, p.end_to_end_id, p.amount, count(e.id) AS entries, sum(e.total) AS posted
  FROM financial.payments p
  LEFT JOIN financial.entries e ON e.source_id = p.id AND e.kind = 'payment' AND e.state = 'posted'
 GROUP BY p.id
HAVING count(e.id) <> 1 OR sum(e.total) <> p.amount
    OR (p.invoice_id IS NULL AND NOT EXISTS (SELECT 1 FROM financial.refunds r WHERE r.payment_id = p.id));
