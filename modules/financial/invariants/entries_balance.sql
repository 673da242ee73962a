-- title: Each posted entry is whole: debits = credits = its total
-- needs: financial
SELECT e.company_id, e.id AS entry_id, e.kind, e.total, sum(l.debit) AS debit, sum(l.credit) AS credit
  FROM financial.entries e LEFT JOIN financial.entry_lines l ON l.entry_id = e.id
 WHERE e.state = 'posted'
 GROUP BY e.id
HAVING sum(l.debit) IS DISTINCT FROM e.total OR sum(l.credit) IS DISTINCT FROM e.total;
