-- title: Nothing entered a period after it was locked, nor one that is closed
-- needs: financial
SELECT e.company_id, e.id AS entry_id, e.date, e.posted_at, p.month, p.state, p.closed_at, p.locked_at
  FROM financial.periods p JOIN financial.entries e ON e.period_id = p.id
 WHERE (p.state = 'locked' AND e.created_at > p.locked_at)
    OR (p.state IN ('closed', 'locked') AND (e.created_at > p.closed_at OR e.state = 'draft'))
    OR e.date < p.month OR e.date >= p.month + interval '1 month';
