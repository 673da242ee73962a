-- title: Credits by company, period and account
-- needs: financial
-- unit: money
SELECT concat_ws(' ', e.company_id, to_char(p.month, 'YYYY-MM'), a.code, e.currency) AS of,
       sum(l.credit) AS value
FROM financial.entries AS e
JOIN financial.periods AS p ON p.id = e.period_id
JOIN financial.entry_lines AS l ON l.entry_id = e.id
JOIN financial.accounts AS a ON a.id = l.account_id
WHERE e.state = 'posted'
GROUP BY e.company_id, p.month, a.code, e.currency;
