-- title: Paid invoices = the sum of the payments applied to them, open invoices have none
-- needs: financial
SELECT i.company_id, i.id AS invoice_id, i.number, i.state, i.total, coalesce(sum(p.amount), 0) AS paid
  FROM financial.invoices i LEFT JOIN financial.payments p ON p.invoice_id = i.id
 GROUP BY i.id
HAVING (i.state = 'paid' AND coalesce(sum(p.amount), 0) <> i.total)
    OR (i.state = 'posted' AND count(p.id) > 0)
    OR (i.state = 'reversed' AND count(p.id) > 0 AND sum(p.amount) <> i.total);
