-- title: The refunds payable account = refunds not paid out
-- needs: financial
SELECT company_id, sum(ledger) AS ledger, sum(refunds) AS payable
  FROM (SELECT l.company_id, l.credit - l.debit AS ledger, 0 AS refunds
          FROM financial.accounts a
          JOIN financial.entry_lines l ON l.account_id = a.id
          JOIN financial.entries e ON e.id = l.entry_id AND e.state = 'posted'
         WHERE a.role = 'refund_payable'
        UNION ALL
        SELECT company_id, 0, amount FROM financial.refunds WHERE state = 'payable') both_sides
 GROUP BY company_id
HAVING sum(ledger) <> sum(refunds);
