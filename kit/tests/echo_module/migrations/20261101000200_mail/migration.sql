-- Mail on its way out. The values hold a secret: they are sealed, and erased once delivered.
CREATE TABLE outgoing_mail (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id      uuid NOT NULL,
    recipient       text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('greeting')),
    language        text NOT NULL DEFAULT 'pt-BR',
    sealed_values   bytea,
    state           text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed')),
    attempts        integer NOT NULL DEFAULT 0,
    last_error      text,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    created_at      timestamptz NOT NULL DEFAULT now(),
    sent_at         timestamptz,
    CHECK (state = 'pending' OR sealed_values IS NULL)
);
CREATE INDEX outgoing_mail_pending_idx ON outgoing_mail (next_attempt_at) WHERE state = 'pending';
SELECT tenant_policy('outgoing_mail');
