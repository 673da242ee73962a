-- Price lists and orders, and what sales remembers of customers (told by crm) and products (told by inventory).

-- Text as searches compare it: small letters without accents, whatever the database's locale.
CREATE FUNCTION fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(translate(value, 'áàâãäéèêëíìîïóòôõöúùûüçñÁÀÂÃÄÉÈÊËÍÌÎÏÓÒÔÕÖÚÙÛÜÇÑ',
                              'aaaaaeeeeiiiiooooouuuucnaaaaaeeeeiiiiooooouuuucn'));

CREATE TABLE customers (
    company_id   uuid NOT NULL,
    id           uuid NOT NULL,
    name         text NOT NULL,
    tax_id       text,
    email        text,
    status       text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'merged')),
    merged_into  uuid,
    told_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, id),
    CHECK ((status = 'merged') = (merged_into IS NOT NULL))
);
CREATE INDEX customers_merged ON customers (company_id, merged_into) WHERE merged_into IS NOT NULL;
SELECT tenant_policy('customers');
COMMENT ON COLUMN customers.told_at IS 'When crm said so: an older event changes nothing';

CREATE TABLE products (
    company_id  uuid NOT NULL,
    id          uuid NOT NULL,
    sku         text NOT NULL,
    name        text NOT NULL,
    unit        text NOT NULL DEFAULT 'un',
    list_price  numeric(18, 2) NOT NULL CHECK (list_price >= 0),
    currency    char(3) NOT NULL DEFAULT 'BRL',
    active      boolean NOT NULL DEFAULT true,
    told_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, id)
);
SELECT tenant_policy('products');
COMMENT ON COLUMN products.told_at IS 'When inventory said so: an older event changes nothing';

CREATE TABLE price_lists (
    company_id   uuid NOT NULL,
    id           uuid NOT NULL DEFAULT uuidv7(),
    name         text NOT NULL CHECK (name <> ''),
    currency     char(3) NOT NULL DEFAULT 'BRL',
    valid_from   date NOT NULL DEFAULT current_date,
    valid_until  date,
    active       boolean NOT NULL DEFAULT true,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, id),
    CONSTRAINT price_lists_validity CHECK (valid_until >= valid_from)
);
CREATE UNIQUE INDEX price_lists_name ON price_lists (company_id, lower(name)) WHERE active;
SELECT tenant_policy('price_lists');

CREATE TABLE price_list_items (
    company_id     uuid NOT NULL,
    price_list_id  uuid NOT NULL,
    product_id     uuid NOT NULL,
    unit_price     numeric(18, 2) NOT NULL CHECK (unit_price >= 0),
    PRIMARY KEY (company_id, price_list_id, product_id),
    FOREIGN KEY (company_id, price_list_id) REFERENCES price_lists (company_id, id)
);
SELECT tenant_policy('price_list_items');

-- Order numbers are handed to instances in blocks, so that no two orders wait for one another. Gaps are allowed.
CREATE TABLE order_counters (
    company_id   uuid PRIMARY KEY,
    next_number  bigint NOT NULL
);
SELECT tenant_policy('order_counters');

CREATE TABLE orders (
    company_id      uuid NOT NULL,
    id              uuid NOT NULL DEFAULT uuidv7(),
    number          bigint NOT NULL,
    customer_id     uuid NOT NULL,
    customer_name   text NOT NULL,
    price_list_id   uuid,
    currency        char(3) NOT NULL DEFAULT 'BRL',
    total           numeric(18, 2) NOT NULL CHECK (total >= 0),
    notes           text,
    synthetic       boolean NOT NULL DEFAULT false,
    state           text NOT NULL DEFAULT 'draft'
                    CHECK (state IN ('draft', 'quotation', 'confirmed', 'processing', 'done', 'cancelled')),
    exception       text
                    CHECK (exception IN ('out_of_stock', 'shipment_failed', 'stock_released', 'returned',
                                         'invoice_reversed')),
    shipment_state  text NOT NULL DEFAULT 'none'
                    CHECK (shipment_state IN ('none', 'reserved', 'backorder', 'shipped', 'returned', 'failed')),
    invoice_state   text NOT NULL DEFAULT 'none'
                    CHECK (invoice_state IN ('none', 'posted', 'paid', 'reversed')),
    stock           text NOT NULL GENERATED ALWAYS AS (
                        CASE WHEN shipment_state = 'none' AND exception = 'out_of_stock' THEN 'out_of_stock'
                             WHEN shipment_state = 'none' AND exception = 'stock_released' THEN 'released'
                             ELSE shipment_state END) VIRTUAL,
    stock_at        timestamptz,
    created_by      uuid,
    created_at      timestamptz NOT NULL DEFAULT now(),
    confirmed_at    timestamptz,
    reserved_at     timestamptz,
    shipped_at      timestamptz,
    invoiced_at     timestamptz,
    paid_at         timestamptz,
    reconciled_at   timestamptz,
    done_at         timestamptz,
    cancelled_at    timestamptz,
    cancel_reason   text,
    PRIMARY KEY (company_id, id),
    CONSTRAINT orders_number UNIQUE (company_id, number),
    FOREIGN KEY (company_id, price_list_id) REFERENCES price_lists (company_id, id),
    CONSTRAINT orders_unconfirmed_have_no_facets CHECK (
        state NOT IN ('draft', 'quotation')
        OR (confirmed_at IS NULL AND shipment_state = 'none' AND invoice_state = 'none')),
    CONSTRAINT orders_confirmed_at CHECK (
        state NOT IN ('confirmed', 'processing', 'done') OR confirmed_at IS NOT NULL),
    CONSTRAINT orders_done_is_complete CHECK (
        state <> 'done' OR num_nulls(shipped_at, invoiced_at, paid_at, reconciled_at, done_at) = 0),
    CONSTRAINT orders_cancelled_at CHECK ((state = 'cancelled') = (cancelled_at IS NOT NULL)),
    CONSTRAINT orders_exception_is_open CHECK (exception IS NULL OR state IN ('confirmed', 'processing'))
) WITH (fillfactor = 80);
CREATE INDEX orders_newest ON orders (company_id, created_at, id);
CREATE INDEX orders_by_state ON orders (company_id, state, created_at, id);
CREATE INDEX orders_of_customer ON orders (company_id, customer_id, created_at, id);
CREATE INDEX orders_by_confirmation ON orders (company_id, confirmed_at) WHERE confirmed_at IS NOT NULL;
CREATE INDEX orders_in_hand ON orders (confirmed_at) WHERE state IN ('confirmed', 'processing');
CREATE INDEX orders_undoing ON orders (cancelled_at) WHERE state = 'cancelled';
SELECT tenant_policy('orders');
COMMENT ON COLUMN orders.stock IS 'What the state machine knows of the goods, from shipment_state and exception';
COMMENT ON COLUMN orders.stock_at IS 'When that was so in inventory: an older event changes nothing';

CREATE TABLE order_lines (
    company_id        uuid NOT NULL,
    order_id          uuid NOT NULL,
    position          smallint NOT NULL CHECK (position > 0),
    id                uuid NOT NULL DEFAULT uuidv7(),
    product_id        uuid NOT NULL,
    sku               text NOT NULL,
    description       text NOT NULL,
    unit              text NOT NULL DEFAULT 'un',
    quantity          numeric(18, 4) NOT NULL CHECK (quantity > 0),
    unit_price        numeric(18, 2) NOT NULL CHECK (unit_price >= 0),
    discount_percent  numeric(5, 2) NOT NULL DEFAULT 0 CHECK (discount_percent BETWEEN 0 AND 100),
    total             numeric(18, 2) NOT NULL CHECK (total >= 0),
    PRIMARY KEY (company_id, order_id, position),
    FOREIGN KEY (company_id, order_id) REFERENCES orders (company_id, id)
);
SELECT tenant_policy('order_lines');

CREATE TABLE order_timeline (
    company_id  uuid NOT NULL,
    order_id    uuid NOT NULL,
    seq         bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    at          timestamptz NOT NULL DEFAULT now(),
    event       text NOT NULL,
    params      jsonb NOT NULL DEFAULT '{}',
    actor       text,
    PRIMARY KEY (company_id, order_id, seq),
    FOREIGN KEY (company_id, order_id) REFERENCES orders (company_id, id)
);
SELECT tenant_policy('order_timeline');
REVOKE UPDATE, DELETE ON order_timeline FROM sales;
COMMENT ON COLUMN order_timeline.event IS 'A key that the texts people read hang on; params are its parameters';
COMMENT ON COLUMN order_timeline.actor IS 'E-mail of the user, or the module that caused it';
