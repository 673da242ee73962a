-- title: No open appointment belongs to a customer that was merged into another
-- needs: appointments
SELECT a.company_id, a.id, a.customer_id
FROM appointments.appointments a
JOIN appointments.customers c ON c.company_id = a.company_id AND c.id = a.customer_id
WHERE a.state <> 'cancelled' AND c.status = 'merged';
