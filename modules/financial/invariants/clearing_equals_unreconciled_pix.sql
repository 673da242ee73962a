-- title: The PIX clearing account = PIX payments not settled yet
-- needs: financial
SELECT company_id, sum(ledger) AS ledger, sum(payments) AS unreconciled
  FROM (SELECT l.company_id, l.debit - l.credit AS ledger, 0 AS payments
          FROM financial.accounts a
          JOIN financial.entry_lines l ON l.account_id = a.id
          JOIN financial.entries e ON e.id = l.entry_id AND e.state = 'posted'
         WHERE a.role = 'pix_clearing'
        UNION ALL
        SELECT company_id, 0, amount FROM financial.payments WHERE method = 'pix' AND reconciled_at IS NULL) both_sides
 GROUP BY company_id
HAVING sum(ledger) <> sum(payments);
