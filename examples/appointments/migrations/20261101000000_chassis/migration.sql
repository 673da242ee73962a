-- The chassis of a Nexus module: events out (outbox), events in (inbox), how far the consumers are (event_cursor),
-- answers kept for repeated requests (idempotency), and tenant_policy(table) for row-level security by company.
-- Runs as the schema's owner with search_path = the schema; the module's role gets DML through default privileges.

CREATE FUNCTION tenant_policy(target text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY tenant ON %I USING ('
        'company_id = (SELECT nullif(current_setting(''nexus.company_id'', true), '''')::uuid) '
        'OR (SELECT current_setting(''nexus.scope'', true)) = ''system'')', target);
END
$$;
COMMENT ON FUNCTION tenant_policy(text) IS
    'Enables row-level security: a transaction sees only rows of its company, or all in scope "system".';

CREATE TABLE outbox (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           uuid NOT NULL UNIQUE,
    type         text NOT NULL,
    entity_id    uuid NOT NULL,
    company_id   uuid NOT NULL,
    occurred_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    data         jsonb NOT NULL,
    trace        text,
    published_at timestamptz,
    stream_ms    bigint,
    stream_n     bigint
);
CREATE INDEX outbox_unpublished ON outbox (seq) WHERE published_at IS NULL;
CREATE INDEX outbox_stream ON outbox (stream_ms, stream_n);
SELECT tenant_policy('outbox');

CREATE TABLE inbox (
    event_id    uuid PRIMARY KEY,
    module      text NOT NULL,
    type        text NOT NULL,
    company_id  uuid NOT NULL,
    entity_id   uuid NOT NULL,
    state       text NOT NULL DEFAULT 'done' CHECK (state IN ('done', 'failed', 'retry')),
    attempts    integer NOT NULL DEFAULT 1,
    error       text,
    payload     jsonb,
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX inbox_parked ON inbox (received_at) WHERE state <> 'done';
CREATE INDEX inbox_received ON inbox (received_at);
SELECT tenant_policy('inbox');

-- group_name '' holds the highest stream id ever published; other rows how far that consumer group has acknowledged.
CREATE TABLE event_cursor (
    stream     text NOT NULL,
    group_name text NOT NULL,
    stream_ms  bigint NOT NULL,
    stream_n   bigint NOT NULL,
    seen_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream, group_name)
);

CREATE TABLE idempotency (
    company_id   uuid NOT NULL,
    key          text NOT NULL,
    request_hash text NOT NULL,
    status       integer,
    headers      jsonb,
    body         bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, key)
);
CREATE INDEX idempotency_created ON idempotency (created_at);
SELECT tenant_policy('idempotency');
