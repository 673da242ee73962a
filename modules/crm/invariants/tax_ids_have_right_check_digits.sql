-- title: Every CPF and CNPJ has the right check digits (a character counts as its code minus 48)
-- needs: crm
WITH bodies AS (
    SELECT company_id, id, tax_id, CASE tax_id_kind WHEN 'cpf' THEN 10 ELSE 8 END AS cycle
    FROM crm.customers
),
sums AS (
    SELECT b.company_id, b.id, b.tax_id, checked.digit,
           sum((ascii(substr(b.tax_id, p.place, 1)) - 48)
               * (2 + (length(b.tax_id) - 3 + checked.digit - p.place) % b.cycle)) % 11 AS remainder
    FROM bodies AS b
    CROSS JOIN (VALUES (1), (2)) AS checked (digit)
    CROSS JOIN LATERAL generate_series(1, length(b.tax_id) - 3 + checked.digit) AS p (place)
    GROUP BY b.company_id, b.id, b.tax_id, checked.digit
)
SELECT company_id, id, tax_id, digit AS wrong_check_digit
FROM sums
WHERE substr(tax_id, length(tax_id) - 2 + digit, 1) <> CASE WHEN remainder < 2 THEN '0' ELSE (11 - remainder)::text END;
