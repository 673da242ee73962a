-- Appointments, and what is known of CRM's customers.

-- Ranges of text: as [x, x] they let an exclusion constraint compare for equality with no extension installed.
CREATE TYPE text_range AS RANGE (subtype = text, collation = "C");

CREATE TABLE customers (
    company_id  uuid NOT NULL,
    id          uuid NOT NULL,
    name        text NOT NULL,
    status      text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'merged')),
    merged_into uuid,
    told_at     timestamptz NOT NULL,
    PRIMARY KEY (company_id, id),
    CONSTRAINT customers_merged_into_another CHECK (
        (status = 'merged') = (merged_into IS NOT NULL) AND merged_into IS DISTINCT FROM id),
    FOREIGN KEY (company_id, merged_into) REFERENCES customers (company_id, id)
);
SELECT tenant_policy('customers');

CREATE TABLE appointments (
    company_id    uuid NOT NULL,
    id            uuid NOT NULL DEFAULT uuidv7(),
    customer_id   uuid NOT NULL,
    resource      text NOT NULL CHECK (resource <> ''),
    starts_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    state         text NOT NULL DEFAULT 'booked' CHECK (state IN ('booked', 'confirmed', 'cancelled')),
    notes         text NOT NULL DEFAULT '',
    cancel_reason text,
    booked_by     uuid NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, id),
    FOREIGN KEY (company_id, customer_id) REFERENCES customers (company_id, id),
    CONSTRAINT appointments_last_a_while CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '24 hours'),
    CONSTRAINT appointments_cancelled_for_a_reason CHECK ((state = 'cancelled') = (cancel_reason IS NOT NULL)),
    CONSTRAINT appointments_do_not_overlap EXCLUDE USING gist (
        text_range(company_id::text, company_id::text, '[]') WITH &&,
        text_range(resource, resource, '[]') WITH &&,
        tstzrange(starts_at, ends_at) WITH &&
    ) WHERE (state <> 'cancelled')
);
CREATE INDEX appointments_by_time ON appointments (company_id, starts_at, id);
CREATE INDEX appointments_of_customer ON appointments (company_id, customer_id);
CREATE INDEX appointments_unconfirmed ON appointments (starts_at) WHERE state = 'booked';
SELECT tenant_policy('appointments');
