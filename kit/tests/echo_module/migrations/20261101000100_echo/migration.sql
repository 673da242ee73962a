CREATE TABLE notes (
    id         uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id uuid NOT NULL,
    text       text NOT NULL,
    amount     numeric(18,2) NOT NULL DEFAULT 0,
    number     integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, text)
);
SELECT tenant_policy('notes');

CREATE TABLE pings (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   uuid NOT NULL,
    company_id uuid NOT NULL,
    entity_id  uuid NOT NULL,
    type       text NOT NULL,
    trace      text
);
SELECT tenant_policy('pings');

-- Switches a test turns: what the handlers are to do.
CREATE TABLE switches (name text PRIMARY KEY, value text NOT NULL);
