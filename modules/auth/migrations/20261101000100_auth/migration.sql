-- Who may sign in. One person, one address, one company: the e-mail is unique across companies
-- because a login names nothing else.
CREATE TABLE credentials (
    user_id             uuid PRIMARY KEY,
    company_id          uuid NOT NULL,
    email               text NOT NULL CHECK (email = lower(email)),
    name                text,
    password_hash       text,
    permissions         text[] NOT NULL DEFAULT '{}',
    enabled             boolean NOT NULL DEFAULT true,
    profile_revision    bigint NOT NULL DEFAULT 0,
    access_revision     bigint NOT NULL DEFAULT 0,
    enabled_revision    bigint NOT NULL DEFAULT 0,
    password_changed_at timestamptz,
    last_login_at       timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT credentials_email_key UNIQUE (email)
);
COMMENT ON COLUMN credentials.profile_revision IS 'Revision of the user that the e-mail and name come from; older news change nothing';
COMMENT ON COLUMN credentials.access_revision IS 'Revision of the user that the permissions come from; older news change nothing';
COMMENT ON COLUMN credentials.enabled_revision IS 'Revision of the user that enabled comes from; older news change nothing';
CREATE INDEX credentials_company_idx ON credentials (company_id, created_at);
SELECT tenant_policy('credentials');

-- A session is a family of refresh tokens that descend from one login.
CREATE TABLE sessions (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id      uuid NOT NULL,
    user_id         uuid NOT NULL REFERENCES credentials (user_id) ON DELETE CASCADE,
    user_agent      text NOT NULL DEFAULT '',
    address         inet,
    created_at      timestamptz NOT NULL DEFAULT now(),
    last_used_at    timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    revoked_at      timestamptz,
    revoked_reason  text CHECK (revoked_reason IN
        ('logout', 'by_user', 'by_admin', 'refresh_reuse', 'password_changed', 'password_reset', 'user_disabled')),
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);
CREATE INDEX sessions_live_idx ON sessions (user_id, created_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_expiry_idx ON sessions (expires_at);
SELECT tenant_policy('sessions');

CREATE TABLE refresh_tokens (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id  uuid NOT NULL,
    session_id  uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    token_hash  bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    parent_id   uuid REFERENCES refresh_tokens (id) ON DELETE SET NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    used_by     bytea,
    CONSTRAINT refresh_tokens_hash_key UNIQUE (token_hash),
    CONSTRAINT refresh_tokens_parent_key UNIQUE (parent_id)
);
COMMENT ON CONSTRAINT refresh_tokens_parent_key ON refresh_tokens IS 'A family never forks: each token has at most one successor';
COMMENT ON COLUMN refresh_tokens.used_by IS 'Fingerprint of the client that rotated this token';
CREATE INDEX refresh_tokens_session_idx ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expiry_idx ON refresh_tokens (expires_at);
SELECT tenant_policy('refresh_tokens');

-- Keys that sign access tokens. Private halves are sealed with the key encryption key.
CREATE TABLE signing_keys (
    kid             text PRIMARY KEY,
    algorithm       text NOT NULL DEFAULT 'RS256' CHECK (algorithm = 'RS256'),
    public_jwk      jsonb NOT NULL,
    sealed_private  bytea,
    state           text NOT NULL CHECK (state IN ('next', 'active', 'retired')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    usable_from     timestamptz NOT NULL DEFAULT now(),
    activated_at    timestamptz,
    retired_at      timestamptz,
    verify_until    timestamptz,
    CHECK ((state = 'retired') = (verify_until IS NOT NULL)),
    CHECK ((state = 'retired') = (sealed_private IS NULL))
);
COMMENT ON COLUMN signing_keys.usable_from IS 'The key is published before this time, so that every verifier knows it when it signs';
COMMENT ON COLUMN signing_keys.verify_until IS 'The last token this key signed has expired by then';
CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (state) WHERE state = 'active';
CREATE UNIQUE INDEX signing_keys_one_next ON signing_keys (state) WHERE state = 'next';

-- Failures are counted per subject, known to us or not, so that a lock tells nobody which accounts exist.
CREATE TABLE login_throttles (
    subject         text PRIMARY KEY,
    failures        integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    last_failure_at timestamptz NOT NULL DEFAULT now(),
    locked_until    timestamptz
);
CREATE INDEX login_throttles_age_idx ON login_throttles (last_failure_at);

-- One row per attempt: the module's business health and its KPIs read from here.
CREATE TABLE login_attempts (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id  uuid,
    user_id     uuid,
    outcome     text NOT NULL CHECK (outcome IN
        ('succeeded', 'wrong_password', 'unknown_account', 'no_password', 'disabled', 'locked')),
    address     inet,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_attempts_time_idx ON login_attempts (created_at) INCLUDE (outcome);
SELECT tenant_policy('login_attempts');

-- "I forgot my password" writes the same row for every address; a worker finds out whose it is.
CREATE TABLE reset_requests (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    email       text NOT NULL,
    address     inet,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE password_resets (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id  uuid NOT NULL,
    user_id     uuid NOT NULL REFERENCES credentials (user_id) ON DELETE CASCADE,
    token_hash  bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    CONSTRAINT password_resets_hash_key UNIQUE (token_hash)
);
CREATE INDEX password_resets_user_idx ON password_resets (user_id, created_at);
SELECT tenant_policy('password_resets');

-- Mail on its way out. The body holds a secret: it is sealed, and erased once delivered.
CREATE TABLE outgoing_mail (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id      uuid NOT NULL,
    recipient       text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('password_reset', 'password_changed')),
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
