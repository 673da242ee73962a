-- title: Each reversed invoice has one credit note of its total that mirrors its entry
-- needs: financial
SELECT i.company_id, i.id AS invoice_id, i.number, i.state, c.id AS credit_note_id, e.id AS entry_id
  FROM financial.invoices i
  LEFT JOIN financial.credit_notes c ON c.invoice_id = i.id AND c.total = i.total
  LEFT JOIN financial.entries e ON e.source_id = c.id AND e.kind = 'credit_note'
                               AND e.reversal_of IS NOT NULL AND e.total = i.total
 WHERE (i.state = 'reversed') <> (c.id IS NOT NULL)
    OR (i.state = 'reversed' AND i.total > 0 AND e.id IS NULL);
