-- title: One resource has one appointment at a time
-- needs: appointments
SELECT a.company_id, a.resource, a.id, b.id AS overlaps_with
FROM appointments.appointments a
JOIN appointments.appointments b USING (company_id, resource)
WHERE a.id < b.id AND a.state <> 'cancelled' AND b.state <> 'cancelled'
  AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at;
