-- PIX: our side (charges, notices, cursors) and the simulated PSP (psp_*), which knows nothing of our tables.

CREATE TABLE charges (
    txid text PRIMARY KEY CHECK (txid ~ '^[A-Za-z0-9]{26,35}$'),
    company_id uuid NOT NULL,
    invoice_id uuid NOT NULL REFERENCES invoices,
    order_id uuid NOT NULL,
    amount numeric(18,2) NOT NULL CHECK (amount > 0),
    currency char(3) NOT NULL DEFAULT 'BRL',
    -- requested: to be registered with the PSP; cancelling: to be withdrawn from it.
    state text NOT NULL DEFAULT 'requested'
        CHECK (state IN ('requested', 'active', 'paid', 'expired', 'cancelling', 'cancelled')),
    copy_paste text,
    expires_at timestamptz NOT NULL,
    polled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, invoice_id),
    CHECK (state <> 'active' OR copy_paste IS NOT NULL)
);
CREATE INDEX charges_to_tell ON charges (created_at) WHERE state IN ('requested', 'cancelling');
CREATE INDEX charges_active ON charges (company_id, expires_at, txid) WHERE state = 'active';
SELECT tenant_policy('charges');

-- A webhook's word that something happened to a txid; only a reason to ask the PSP. Gone when answered.
CREATE TABLE pix_notices (
    txid text PRIMARY KEY CHECK (length(txid) <= 35),
    received_at timestamptz NOT NULL DEFAULT now()
);

-- How far the PSP's settlements have been read.
CREATE TABLE pix_cursor (
    provider text PRIMARY KEY,
    after bigint NOT NULL
);

-- The simulated PSP.
CREATE TABLE psp_charges (
    txid text PRIMARY KEY,
    amount numeric(18,2) NOT NULL CHECK (amount > 0),
    copy_paste text NOT NULL,
    expires_at timestamptz NOT NULL,
    removed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE psp_pix (
    end_to_end_id text PRIMARY KEY,
    txid text NOT NULL REFERENCES psp_charges,
    amount numeric(18,2) NOT NULL CHECK (amount > 0),
    paid_at timestamptz NOT NULL DEFAULT now(),
    -- Order of settlement; given by one settlement run at a time, so that a reader's cursor skips nothing.
    settlement bigint UNIQUE,
    settled_at timestamptz
);
CREATE UNIQUE INDEX psp_pix_txid ON psp_pix (txid);
CREATE INDEX psp_pix_to_settle ON psp_pix (paid_at) WHERE settlement IS NULL;

-- The PSP's books belong to no company: only the adapter, in system scope, reads them.
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['pix_notices', 'pix_cursor', 'psp_charges', 'psp_pix'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY system_only ON %I USING ((SELECT current_setting(''nexus.scope'', true)) = ''system'')', t);
    END LOOP;
END $$;
