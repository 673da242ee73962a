-- title: A payment is applied once: to one invoice, with one entry in the ledger
-- needs: financial
SELECT 'told twice' AS fault, end_to_end_id AS reference, count(*) AS times
  FROM financial.payments GROUP BY company_id, end_to_end_id HAVING count(*) > 1
UNION ALL
SELECT 'invoice paid twice', invoice_id::text, count(*)
  FROM financial.payments WHERE invoice_id IS NOT NULL GROUP BY invoice_id HAVING count(*) > 1
UNION ALL
SELECT 'not once in the ledger', payments.id::text, count(entries.id)
  FROM financial.payments
  LEFT JOIN financial.entries
       ON entries.source_id = payments.id AND entries.kind = 'payment' AND entries.state = 'posted'
 GROUP BY payments.id HAVING count(entries.id) <> 1
UNION ALL
SELECT 'paid invoice without payment', invoices.id::text, count(payments.id)
  FROM financial.invoices LEFT JOIN financial.payments ON payments.invoice_id = invoices.id
 WHERE invoices.state = 'paid' AND invoices.total > 0
 GROUP BY invoices.id HAVING count(payments.id) <> 1;
