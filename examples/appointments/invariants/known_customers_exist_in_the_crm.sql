-- title: Every customer that appointments knows exists in the CRM
-- needs: appointments, crm
SELECT c.company_id, c.id
FROM appointments.customers c
LEFT JOIN crm.customers o ON o.company_id = c.company_id AND o.id = c.id
WHERE o.id IS NULL;
