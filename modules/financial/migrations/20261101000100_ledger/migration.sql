-- The general ledger: chart of accounts, periods, entries and their lines.
-- The database itself holds three promises, whatever the application does:
--   a posted entry is balanced, whole and not empty; a posted entry never changes; nothing enters a closed period.

CREATE TABLE accounts (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id uuid NOT NULL,
    code text NOT NULL CHECK (code ~ '^[0-9]+(\.[0-9]+)*$' AND length(code) <= 30),
    name_pt text NOT NULL,
    name_en text NOT NULL,
    type text NOT NULL CHECK (type IN ('asset', 'liability', 'equity', 'revenue', 'expense')),
    -- What the application posts to this account; NULL for accounts that only people use.
    role text CHECK (role IN ('bank', 'pix_clearing', 'receivable', 'inventory', 'refund_payable',
                              'retained_earnings', 'revenue', 'cost_of_sales')),
    -- Control accounts mirror documents; manual entries may not touch them.
    control boolean NOT NULL DEFAULT false,
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, code),
    UNIQUE (company_id, id)
);
CREATE UNIQUE INDEX accounts_role ON accounts (company_id, role) WHERE role IS NOT NULL;

CREATE TABLE periods (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id uuid NOT NULL,
    month date NOT NULL CHECK (month = date_trunc('month', month)::date),
    -- closing: the month-end close is at work; only its own entries are let in.
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closing', 'closed', 'locked')),
    closed_at timestamptz,
    locked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, month),
    CHECK ((state = 'locked') = (locked_at IS NOT NULL)),
    CHECK (state NOT IN ('closed', 'locked') OR closed_at IS NOT NULL)
);

CREATE TABLE entries (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id uuid NOT NULL,
    period_id uuid NOT NULL REFERENCES periods,
    date date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('manual', 'invoice', 'cost', 'payment', 'settlement',
                                       'credit_note', 'refund', 'refund_paid', 'reversal', 'close')),
    -- The document behind the entry: invoice (invoice), order (cost), payment (payment), reconciliation
    -- (settlement), credit note (credit_note), refund (refund, refund_paid), close (close).
    source_id uuid,
    reversal_of uuid REFERENCES entries,
    description text NOT NULL,
    currency char(3) NOT NULL DEFAULT 'BRL',
    total numeric(18,2) NOT NULL CHECK (total > 0),
    state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'posted')),
    posted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'posted') = (posted_at IS NOT NULL))
);
CREATE UNIQUE INDEX entries_source ON entries (source_id, kind) WHERE source_id IS NOT NULL;
CREATE UNIQUE INDEX entries_reversal ON entries (reversal_of) WHERE reversal_of IS NOT NULL;
CREATE INDEX entries_period ON entries (company_id, period_id, id);

CREATE TABLE entry_lines (
    entry_id uuid NOT NULL REFERENCES entries,
    position smallint NOT NULL CHECK (position > 0),
    company_id uuid NOT NULL,
    account_id uuid NOT NULL,
    debit numeric(18,2) NOT NULL DEFAULT 0 CHECK (debit >= 0),
    credit numeric(18,2) NOT NULL DEFAULT 0 CHECK (credit >= 0),
    PRIMARY KEY (entry_id, position),
    FOREIGN KEY (company_id, account_id) REFERENCES accounts (company_id, id),
    CHECK ((debit = 0) <> (credit = 0))
);

-- Entries may only enter an open period of their own company and month. FOR SHARE makes a close wait for
-- the postings in flight, and postings wait for the step that freezes the period.
CREATE FUNCTION entries_enter_open_period() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bad record;
BEGIN
    PERFORM 1 FROM periods WHERE id IN (SELECT period_id FROM added) ORDER BY id FOR SHARE;
    SELECT a.id, a.date, p.state INTO bad
      FROM added a
      LEFT JOIN periods p ON p.id = a.period_id AND p.company_id = a.company_id
                         AND a.date >= p.month AND a.date < p.month + interval '1 month'
     WHERE p.id IS NULL OR NOT (p.state = 'open' OR (p.state = 'closing' AND a.kind = 'close'))
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % dated % cannot be posted: its period is %',
            bad.id, bad.date, coalesce(bad.state, 'of another company or month')
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_open_period',
                  HINT = 'Date it in an open period, or reopen the period.';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entries_enter_open_period AFTER INSERT ON entries
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION entries_enter_open_period();

-- The lines of a posted entry arrive whole, in one statement, and balance to the entry's total: checked once
-- per statement for all entries in it, so the price is one query for a whole batch.
CREATE FUNCTION lines_are_whole_and_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bad record;
BEGIN
    SELECT a.entry_id, a.debit, a.credit, a.lines, e.total, e.id AS found INTO bad
      FROM (SELECT entry_id, company_id, sum(debit) AS debit, sum(credit) AS credit, count(*) AS lines
              FROM added GROUP BY entry_id, company_id) a
      LEFT JOIN entries e ON e.id = a.entry_id AND e.company_id = a.company_id
     WHERE e.id IS NULL
        OR (e.state = 'posted'
            AND (a.debit <> a.credit OR a.debit <> e.total
                 OR a.lines <> (SELECT count(*) FROM entry_lines l WHERE l.entry_id = a.entry_id)))
     LIMIT 1;
    IF FOUND THEN
        IF bad.found IS NULL THEN
            RAISE EXCEPTION 'lines of entry % belong to another company', bad.entry_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_lines_company';
        END IF;
        RAISE EXCEPTION 'entry %: debits %, credits %, total %, or lines added after posting',
            bad.entry_id, bad.debit, bad.credit, bad.total
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_lines_balanced',
                  HINT = 'Insert all lines of a posted entry in one statement, debits = credits = total.';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER lines_are_whole_and_balanced AFTER INSERT ON entry_lines
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION lines_are_whole_and_balanced();

-- An entry inserted as posted must have its lines by the end of the transaction.
CREATE FUNCTION posted_entry_has_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM entry_lines WHERE entry_id = NEW.id) THEN
        RAISE EXCEPTION 'posted entry % has no lines', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_have_lines';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER posted_entry_has_lines AFTER INSERT ON entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state = 'posted')
    EXECUTE FUNCTION posted_entry_has_lines();

-- Posted entries never change; a draft becomes posted only when it balances and its period is open.
CREATE FUNCTION posted_entry_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    debits numeric;
    credits numeric;
    period_state text;
BEGIN
    IF OLD.state = 'posted' THEN
        RAISE EXCEPTION 'entry % is posted and cannot be changed', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_immutable', HINT = 'Post a reversal.';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.state = 'posted' THEN
        SELECT state INTO period_state FROM periods
         WHERE id = NEW.period_id AND company_id = NEW.company_id
           AND NEW.date >= month AND NEW.date < month + interval '1 month' FOR SHARE;
        IF period_state IS DISTINCT FROM 'open' THEN
            RAISE EXCEPTION 'entry % dated % cannot be posted: its period is %', NEW.id, NEW.date,
                coalesce(period_state, 'of another company or month')
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_open_period';
        END IF;
        SELECT sum(debit), sum(credit) INTO debits, credits FROM entry_lines WHERE entry_id = NEW.id;
        IF debits IS NULL OR debits <> credits OR debits <> NEW.total THEN
            RAISE EXCEPTION 'entry %: debits %, credits %, total %', NEW.id, debits, credits, NEW.total
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_lines_balanced';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER posted_entry_is_immutable BEFORE UPDATE OR DELETE ON entries
    FOR EACH ROW EXECUTE FUNCTION posted_entry_is_immutable();

CREATE FUNCTION posted_lines_are_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM entries WHERE id = OLD.entry_id AND state = 'posted') THEN
        RAISE EXCEPTION 'entry % is posted: its lines cannot be changed', OLD.entry_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_immutable', HINT = 'Post a reversal.';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.entry_id <> OLD.entry_id THEN
        RAISE EXCEPTION 'a line stays in its entry'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_immutable';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER posted_lines_are_immutable BEFORE UPDATE OR DELETE ON entry_lines
    FOR EACH ROW EXECUTE FUNCTION posted_lines_are_immutable();

SELECT tenant_policy('accounts');
SELECT tenant_policy('periods');
SELECT tenant_policy('entries');
SELECT tenant_policy('entry_lines');

REVOKE DELETE ON accounts, periods FROM financial;
