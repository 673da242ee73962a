-- title: The receivable account = open invoices
-- needs: financial
SELECT company_id, sum(ledger) AS ledger, sum(invoices) AS open_invoices
  FROM (SELECT l.company_id, l.debit - l.credit AS ledger, 0 AS invoices
          FROM financial.accounts a
          JOIN financial.entry_lines l ON l.account_id = a.id
          JOIN financial.entries e ON e.id = l.entry_id AND e.state = 'posted'
         WHERE a.role = 'receivable'
        UNION ALL
        SELECT company_id, 0, total FROM financial.invoices WHERE state = 'posted') both_sides
 GROUP BY company_id
HAVING sum(ledger) <> sum(invoices);
