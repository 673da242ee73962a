-- The company of synthetic probes, which the kit names, and the one user in it, who may do nothing but order.
-- Nobody administers it, and nothing of it is counted.
ALTER TABLE companies ADD COLUMN synthetic boolean
    GENERATED ALWAYS AS (company_id = '00000000-0000-7000-8000-000000000001') VIRTUAL;
ALTER TABLE users ADD COLUMN synthetic boolean
    GENERATED ALWAYS AS (company_id = '00000000-0000-7000-8000-000000000001') VIRTUAL;

INSERT INTO companies (company_id, name, tax_id)
VALUES ('00000000-0000-7000-8000-000000000001', 'Synthetic probes', '00000000000000');
INSERT INTO roles (id, company_id, name, permissions)
VALUES ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000001', 'Probe',
        '{sales.order.read,sales.order.write}');
INSERT INTO users (id, company_id, email, name)
VALUES ('00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-000000000001', 'probe@synthetic.invalid',
        'Synthetic probe');
INSERT INTO user_roles (company_id, user_id, role_id)
VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000003',
        '00000000-0000-7000-8000-000000000002');
