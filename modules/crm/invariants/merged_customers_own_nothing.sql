-- title: A merged customer has no contacts, interactions or leads left, and was merged into one that lives
-- needs: crm
SELECT m.company_id, m.id AS customer_id, owned.what, owned.id
FROM crm.customers AS m
JOIN (
    SELECT company_id, customer_id, 'contact' AS what, id FROM crm.contacts
    UNION ALL
    SELECT company_id, customer_id, 'interaction', id FROM crm.interactions
    UNION ALL
    SELECT company_id, customer_id, 'lead', id FROM crm.leads WHERE customer_id IS NOT NULL
    UNION ALL
    SELECT company_id, merged_into, 'customer merged into it', id FROM crm.customers WHERE merged_into IS NOT NULL
) AS owned ON owned.company_id = m.company_id AND owned.customer_id = m.id
WHERE m.status = 'merged';
