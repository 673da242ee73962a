-- title: The balances of a closed period add up to zero and equal its entries
-- needs: financial
SELECT p.company_id, p.month, b.account_id, b.debit, b.credit, m.debit AS moved_debit, m.credit AS moved_credit
  FROM financial.periods p
  JOIN financial.balances b ON b.company_id = p.company_id AND b.period_id = p.id
  LEFT JOIN (SELECT e.period_id, l.account_id, sum(l.debit) AS debit, sum(l.credit) AS credit
               FROM financial.entries e JOIN financial.entry_lines l ON l.entry_id = e.id
              WHERE e.state = 'posted' GROUP BY e.period_id, l.account_id) m
         ON m.period_id = p.id AND m.account_id = b.account_id
 WHERE p.state IN ('closed', 'locked')
   AND (b.debit <> coalesce(m.debit, 0) OR b.credit <> coalesce(m.credit, 0))
UNION ALL
SELECT b.company_id, p.month, NULL, sum(b.debit), sum(b.credit), sum(b.balance), NULL
  FROM financial.balances b JOIN financial.periods p ON p.id = b.period_id
 GROUP BY b.company_id, p.month
HAVING sum(b.balance) <> 0;
