-- A company is a tenant; its own row is the root of the scope.
CREATE TABLE companies (
    company_id  uuid PRIMARY KEY DEFAULT uuidv7(),
    name        text NOT NULL CHECK (name <> ''),
    tax_id      text NOT NULL,
    currency    char(3) NOT NULL DEFAULT 'BRL' CHECK (currency ~ '^[A-Z]{3}$'),
    operator    boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT companies_tax_id_key UNIQUE (tax_id)
);
COMMENT ON COLUMN companies.operator IS 'The company that runs this installation: only its people create further companies';
CREATE UNIQUE INDEX companies_one_operator ON companies (operator) WHERE operator;
SELECT tenant_policy('companies');

-- A person belongs to one company. The e-mail is the login and therefore unique across companies.
CREATE TABLE users (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id  uuid NOT NULL REFERENCES companies (company_id),
    email       text NOT NULL CHECK (email = lower(email)),
    name        text NOT NULL CHECK (name <> ''),
    state       text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    disabled_at timestamptz,
    revision    bigint NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_company_key UNIQUE (company_id, id),
    CHECK ((state = 'disabled') = (disabled_at IS NOT NULL))
);
COMMENT ON COLUMN users.revision IS 'Counts the changes told to others; a listener ignores what is older than what it knows';
SELECT tenant_policy('users');

CREATE TABLE roles (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id  uuid NOT NULL REFERENCES companies (company_id),
    name        text NOT NULL CHECK (name <> ''),
    permissions text[] NOT NULL DEFAULT '{}',
    built_in    boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT roles_name_key UNIQUE (company_id, name),
    CONSTRAINT roles_company_key UNIQUE (company_id, id)
);
COMMENT ON COLUMN roles.built_in IS 'Cannot be changed or deleted (Administrator)';
SELECT tenant_policy('roles');

-- A role has its own permissions and those of its parents, and of theirs. Never in a circle.
CREATE TABLE role_parents (
    company_id  uuid NOT NULL,
    role_id     uuid NOT NULL,
    parent_id   uuid NOT NULL,
    PRIMARY KEY (role_id, parent_id),
    FOREIGN KEY (company_id, role_id) REFERENCES roles (company_id, id) ON DELETE CASCADE,
    FOREIGN KEY (company_id, parent_id) REFERENCES roles (company_id, id),
    CONSTRAINT role_parents_not_itself CHECK (role_id <> parent_id)
);
CREATE INDEX role_parents_parent_idx ON role_parents (parent_id);
SELECT tenant_policy('role_parents');

CREATE TABLE user_roles (
    company_id  uuid NOT NULL,
    user_id     uuid NOT NULL,
    role_id     uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, role_id),
    FOREIGN KEY (company_id, user_id) REFERENCES users (company_id, id),
    FOREIGN KEY (company_id, role_id) REFERENCES roles (company_id, id)
);
CREATE INDEX user_roles_role_idx ON user_roles (role_id);
SELECT tenant_policy('user_roles');

-- The invited person's id is chosen with the invitation, so that accepting it twice makes one user.
CREATE TABLE invitations (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id  uuid NOT NULL REFERENCES companies (company_id),
    user_id     uuid NOT NULL DEFAULT uuidv7(),
    email       text NOT NULL CHECK (email = lower(email)),
    name        text,
    token_hash  bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    state       text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'accepted', 'revoked', 'expired')),
    invited_by  uuid,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    closed_at   timestamptz,
    CONSTRAINT invitations_token_key UNIQUE (token_hash),
    CONSTRAINT invitations_user_key UNIQUE (user_id),
    CONSTRAINT invitations_company_key UNIQUE (company_id, id),
    CHECK ((state = 'pending') = (closed_at IS NULL))
);
CREATE UNIQUE INDEX invitations_one_pending ON invitations (email) WHERE state = 'pending';
CREATE INDEX invitations_term_idx ON invitations (expires_at) WHERE state = 'pending';
SELECT tenant_policy('invitations');

CREATE TABLE invitation_roles (
    company_id      uuid NOT NULL,
    invitation_id   uuid NOT NULL,
    role_id         uuid NOT NULL,
    PRIMARY KEY (invitation_id, role_id),
    FOREIGN KEY (company_id, invitation_id) REFERENCES invitations (company_id, id) ON DELETE CASCADE,
    FOREIGN KEY (company_id, role_id) REFERENCES roles (company_id, id) ON DELETE CASCADE
);
CREATE INDEX invitation_roles_role_idx ON invitation_roles (role_id);
SELECT tenant_policy('invitation_roles');

-- Mail on its way out. The values hold a secret: they are sealed, and erased once delivered.
CREATE TABLE outgoing_mail (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id      uuid NOT NULL,
    recipient       text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('invitation')),
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
