-- From a shipped order to money: billable orders, invoices, credit notes, payments, refunds, reconciliation.

-- What the company is called on its charges; told by the users module.
CREATE TABLE companies (
    company_id uuid PRIMARY KEY,
    name text NOT NULL,
    tax_id text,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- One row per order, filled by two modules in any order: sales (confirmed, cancelled) and inventory (shipped,
-- returned). An order is invoiced by whichever fact arrives second; the row's lock decides which one that is.
CREATE TABLE orders (
    company_id uuid NOT NULL,
    order_id uuid NOT NULL,
    number text,
    customer_id uuid,
    currency char(3),
    total numeric(18,2) CHECK (total >= 0),
    lines jsonb,
    synthetic boolean NOT NULL DEFAULT false,
    confirmed_at timestamptz,
    shipment_id uuid,
    cost numeric(18,2) CHECK (cost >= 0),
    shipped_at timestamptz,
    returned_at timestamptz,
    cancelled_at timestamptz,
    cancel_reason text,
    invoice_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, order_id)
);
CREATE INDEX orders_awaiting_invoice ON orders (shipped_at)
    WHERE invoice_id IS NULL AND shipped_at IS NOT NULL AND cancelled_at IS NULL;

-- The last number given, per company and series; taken inside the transaction that uses it, so without gaps.
CREATE TABLE number_series (
    company_id uuid NOT NULL,
    series text NOT NULL CHECK (series IN ('invoice', 'credit_note')),
    last bigint NOT NULL CHECK (last >= 0),
    PRIMARY KEY (company_id, series)
);

CREATE TABLE invoices (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id uuid NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    order_id uuid NOT NULL,
    order_number text NOT NULL,
    customer_id uuid NOT NULL,
    currency char(3) NOT NULL DEFAULT 'BRL',
    total numeric(18,2) NOT NULL CHECK (total >= 0),
    lines jsonb NOT NULL,
    state text NOT NULL DEFAULT 'posted' CHECK (state IN ('posted', 'paid', 'reversed')),
    txid text,
    issue_date date NOT NULL,
    due_date date NOT NULL,
    paid_at timestamptz,
    reversed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, number),
    UNIQUE (company_id, order_id),
    CHECK (due_date >= issue_date),
    CHECK (state <> 'paid' OR paid_at IS NOT NULL),
    CHECK ((state = 'reversed') = (reversed_at IS NOT NULL))
);
CREATE INDEX invoices_open ON invoices (company_id, due_date) WHERE state = 'posted';

CREATE TABLE credit_notes (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id uuid NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    invoice_id uuid NOT NULL REFERENCES invoices,
    total numeric(18,2) NOT NULL CHECK (total >= 0),
    reason text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, number),
    UNIQUE (company_id, invoice_id)
);

CREATE TABLE reconciliations (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id uuid NOT NULL,
    payments integer NOT NULL CHECK (payments > 0),
    total numeric(18,2) NOT NULL CHECK (total > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE payments (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id uuid NOT NULL,
    method text NOT NULL CHECK (method IN ('pix', 'transfer', 'cash', 'card')),
    -- The PSP's id of the transfer (PIX), or the operator's reference: applied once, whatever is told twice.
    end_to_end_id text NOT NULL,
    txid text,
    -- The invoice it pays; NULL: unapplied, owed back to the payer (see refunds).
    invoice_id uuid REFERENCES invoices,
    order_id uuid,
    amount numeric(18,2) NOT NULL CHECK (amount > 0),
    currency char(3) NOT NULL DEFAULT 'BRL',
    received_at timestamptz NOT NULL,
    reconciled_at timestamptz,
    reconciliation_id uuid REFERENCES reconciliations,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, end_to_end_id)
);
CREATE UNIQUE INDEX payments_invoice ON payments (invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX payments_unreconciled ON payments (created_at) WHERE reconciled_at IS NULL;

CREATE TABLE refunds (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id uuid NOT NULL,
    payment_id uuid NOT NULL REFERENCES payments,
    amount numeric(18,2) NOT NULL CHECK (amount > 0),
    reason text NOT NULL,
    state text NOT NULL DEFAULT 'payable' CHECK (state IN ('payable', 'paid')),
    paid_at timestamptz,
    reference text,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, payment_id),
    CHECK ((state = 'paid') = (paid_at IS NOT NULL))
);
CREATE INDEX refunds_payable ON refunds (company_id, created_at) WHERE state = 'payable';

-- Money the PSP settled for which there is no payment here (yet).
CREATE TABLE unmatched_settlements (
    end_to_end_id text PRIMARY KEY,
    txid text NOT NULL,
    amount numeric(18,2) NOT NULL,
    settled_at timestamptz NOT NULL,
    -- NULL while no charge of ours carries this txid.
    company_id uuid,
    created_at timestamptz NOT NULL DEFAULT now()
);

SELECT tenant_policy('companies');
SELECT tenant_policy('orders');
SELECT tenant_policy('number_series');
SELECT tenant_policy('invoices');
SELECT tenant_policy('credit_notes');
SELECT tenant_policy('reconciliations');
SELECT tenant_policy('payments');
SELECT tenant_policy('refunds');
SELECT tenant_policy('unmatched_settlements');

-- Documents are never deleted; credit notes and reconciliations never change either.
REVOKE DELETE ON orders, number_series, invoices, payments, refunds FROM financial;
REVOKE UPDATE, DELETE ON credit_notes, reconciliations FROM financial;
