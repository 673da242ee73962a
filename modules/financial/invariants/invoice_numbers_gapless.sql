-- title: Invoice and credit note numbers run from 1 without a gap
-- needs: financial
SELECT s.company_id, s.series, s.last, n.numbers, n.highest
  FROM (SELECT company_id, 'invoice' AS series, count(*) AS numbers, max(number) AS highest
          FROM financial.invoices GROUP BY company_id
        UNION ALL
        SELECT company_id, 'credit_note', count(*), max(number) FROM financial.credit_notes GROUP BY company_id) n
  FULL JOIN financial.number_series s USING (company_id, series)
 WHERE s.last IS DISTINCT FROM n.numbers OR n.highest IS DISTINCT FROM n.numbers;
