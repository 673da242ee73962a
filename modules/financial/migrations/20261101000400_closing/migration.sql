-- Month-end close: one row per run and one per finished step, each written in the step's own transaction.
CREATE TABLE closes (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id uuid NOT NULL,
    period_id uuid NOT NULL REFERENCES periods,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed', 'undone')),
    problem text,
    requested_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE UNIQUE INDEX closes_current ON closes (company_id, period_id) WHERE state IN ('running', 'done');
CREATE INDEX closes_running ON closes (created_at) WHERE state = 'running';

CREATE TABLE close_steps (
    close_id uuid NOT NULL REFERENCES closes,
    company_id uuid NOT NULL,
    step text NOT NULL,
    detail jsonb NOT NULL,
    done_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (close_id, step)
);

-- Each account's balance (debits minus credits, all time) at the end of a closed period.
CREATE TABLE balances (
    company_id uuid NOT NULL,
    period_id uuid NOT NULL REFERENCES periods,
    account_id uuid NOT NULL,
    debit numeric(18,2) NOT NULL,
    credit numeric(18,2) NOT NULL,
    balance numeric(18,2) NOT NULL,
    PRIMARY KEY (company_id, period_id, account_id),
    FOREIGN KEY (company_id, account_id) REFERENCES accounts (company_id, id)
);

SELECT tenant_policy('closes');
SELECT tenant_policy('close_steps');
SELECT tenant_policy('balances');

REVOKE DELETE ON closes FROM financial;
REVOKE UPDATE, DELETE ON close_steps FROM financial;
REVOKE UPDATE ON balances FROM financial;
