-- What happens in the company of synthetic probes, which the kit names, is counted nowhere.
ALTER TABLE credentials ADD COLUMN synthetic boolean
    GENERATED ALWAYS AS (company_id = '00000000-0000-7000-8000-000000000001') VIRTUAL;
ALTER TABLE sessions ADD COLUMN synthetic boolean
    GENERATED ALWAYS AS (company_id = '00000000-0000-7000-8000-000000000001') VIRTUAL;
-- An attempt on an unknown account has no company.
ALTER TABLE login_attempts ADD COLUMN synthetic boolean
    GENERATED ALWAYS AS (company_id IS NOT DISTINCT FROM '00000000-0000-7000-8000-000000000001') VIRTUAL;
