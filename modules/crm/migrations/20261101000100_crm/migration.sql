-- Customers and what is known about them. Tax ids are stored normalised: digits (CPF) or capitals and digits (CNPJ).

-- Text as searches compare it: small letters without accents, whatever the database's locale.
CREATE FUNCTION fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(translate(value, 'áàâãäéèêëíìîïóòôõöúùûüçñÁÀÂÃÄÉÈÊËÍÌÎÏÓÒÔÕÖÚÙÛÜÇÑ',
                              'aaaaaeeeeiiiiooooouuuucnaaaaaeeeeiiiiooooouuuucn'));

CREATE TABLE customers (
    company_id   uuid NOT NULL,
    id           uuid NOT NULL DEFAULT uuidv7(),
    name         text NOT NULL CHECK (name <> ''),
    tax_id       text NOT NULL,
    tax_id_kind  text NOT NULL CHECK (tax_id_kind IN ('cpf', 'cnpj')),
    email        text,
    phone        text,
    city         text,
    state        char(2),
    status       text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'merged')),
    merged_into  uuid,
    merged_at    timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    -- what a search looks through: name without accents, tax id, e-mail
    search       text NOT NULL GENERATED ALWAYS AS (
        fold(name) || ' ' || lower(tax_id) || ' ' || coalesce(lower(email), '')) STORED,
    PRIMARY KEY (company_id, id),
    CONSTRAINT customers_tax_id_normalised CHECK (
        (tax_id_kind = 'cpf' AND tax_id ~ '^[0-9]{11}$')
        OR (tax_id_kind = 'cnpj' AND tax_id ~ '^[0-9A-Z]{12}[0-9]{2}$')),
    CONSTRAINT customers_merged_into_another CHECK (
        (status = 'merged') = (merged_into IS NOT NULL) AND merged_into IS DISTINCT FROM id),
    FOREIGN KEY (company_id, merged_into) REFERENCES customers (company_id, id)
);
CREATE UNIQUE INDEX customers_active_tax_id ON customers (company_id, tax_id) WHERE status = 'active';
-- Prefix searches are written as ranges (>= and <): under row-level security an index serves only leak-proof
-- operators, and LIKE is not one of them.
CREATE INDEX customers_tax_id ON customers (company_id, tax_id COLLATE "C");
CREATE INDEX customers_email ON customers (company_id, email COLLATE "C");
CREATE INDEX customers_newest ON customers (company_id, created_at, id);
CREATE INDEX customers_merged ON customers (company_id, merged_into) WHERE merged_into IS NOT NULL;
SELECT tenant_policy('customers');

CREATE TABLE contacts (
    company_id   uuid NOT NULL,
    id           uuid NOT NULL DEFAULT uuidv7(),
    customer_id  uuid NOT NULL,
    name         text NOT NULL CHECK (name <> ''),
    role         text,
    email        text,
    phone        text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, id),
    FOREIGN KEY (company_id, customer_id) REFERENCES customers (company_id, id)
);
CREATE INDEX contacts_of_customer ON contacts (company_id, customer_id, created_at, id);
SELECT tenant_policy('contacts');

CREATE TABLE interactions (
    company_id   uuid NOT NULL,
    id           uuid NOT NULL DEFAULT uuidv7(),
    customer_id  uuid NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('call', 'email', 'meeting', 'visit', 'message', 'note')),
    summary      text NOT NULL CHECK (summary <> ''),
    user_id      uuid,
    occurred_at  timestamptz NOT NULL DEFAULT now(),
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, id),
    FOREIGN KEY (company_id, customer_id) REFERENCES customers (company_id, id)
);
CREATE INDEX interactions_of_customer ON interactions (company_id, customer_id, created_at, id);
SELECT tenant_policy('interactions');

CREATE TABLE leads (
    company_id    uuid NOT NULL,
    id            uuid NOT NULL DEFAULT uuidv7(),
    name          text NOT NULL CHECK (name <> ''),
    organisation  text,
    tax_id        text,
    email         text,
    phone         text,
    city          text,
    state         char(2),
    source        text,
    notes         text,
    status        text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'qualified', 'converted', 'lost')),
    lost_reason   text,
    customer_id   uuid,
    converted_at  timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, id),
    CONSTRAINT leads_converted_have_customer CHECK ((status = 'converted') = (customer_id IS NOT NULL)),
    FOREIGN KEY (company_id, customer_id) REFERENCES customers (company_id, id)
);
CREATE INDEX leads_newest ON leads (company_id, created_at, id);
CREATE INDEX leads_of_customer ON leads (company_id, customer_id) WHERE customer_id IS NOT NULL;
SELECT tenant_policy('leads');
