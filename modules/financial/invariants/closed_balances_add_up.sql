-- title: The balances of a closed period add up to zero and equal the entries up to its end
-- needs: financial
WITH moved AS (
    SELECT p.company_id, p.month, l.account_id, sum(l.debit) AS debit, sum(l.credit) AS credit
      FROM financial.periods p
      JOIN financial.entries e ON e.period_id = p.id AND e.state = 'posted'
      JOIN financial.entry_lines l ON l.entry_id = e.id
     GROUP BY p.company_id, p.month, l.account_id),
total AS (
    SELECT company_id, month, account_id, debit, credit,
           sum(debit - credit) OVER (PARTITION BY company_id, account_id ORDER BY month) AS balance
      FROM moved)
SELECT p.company_id, p.month, b.account_id, b.debit, b.credit, b.balance, t.month AS last_moved, t.balance AS ledger
  FROM financial.periods p
  JOIN financial.balances b ON b.company_id = p.company_id AND b.period_id = p.id
  LEFT JOIN LATERAL (
       SELECT * FROM total t
        WHERE t.company_id = b.company_id AND t.account_id = b.account_id AND t.month <= p.month
        ORDER BY t.month DESC LIMIT 1) t ON true
 WHERE p.state IN ('closed', 'locked')
   AND (b.balance <> coalesce(t.balance, 0)
        OR b.debit <> CASE WHEN t.month = p.month THEN t.debit ELSE 0 END
        OR b.credit <> CASE WHEN t.month = p.month THEN t.credit ELSE 0 END)
UNION ALL
SELECT b.company_id, p.month, NULL, sum(b.debit), sum(b.credit), sum(b.balance), NULL, NULL
  FROM financial.balances b JOIN financial.periods p ON p.id = b.period_id
 GROUP BY b.company_id, p.month
HAVING sum(b.balance) <> 0;
