-- Inventory: products, warehouses, append-only movements, derived stock levels, reservations, shipments
-- and what the module knows of sales orders.
--
-- Locks are always taken in this order: demands by order_id, then shipments, then stock by
-- (product_id, warehouse_id). Whoever writes here must keep to it; that is why nothing deadlocks.

CREATE TABLE products (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id  uuid NOT NULL,
    sku         text NOT NULL CHECK (sku <> ''),
    name        text NOT NULL CHECK (name <> ''),
    unit        text NOT NULL DEFAULT 'un',
    list_price  numeric(18,2) NOT NULL DEFAULT 0 CHECK (list_price >= 0),
    currency    char(3) NOT NULL DEFAULT 'BRL',
    active      boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, sku),
    UNIQUE (company_id, id)
);
SELECT tenant_policy('products');

CREATE TABLE warehouses (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id  uuid NOT NULL,
    name        text NOT NULL CHECK (name <> ''),
    dispatch    text NOT NULL DEFAULT 'automatic' CHECK (dispatch IN ('automatic', 'manual')),
    is_default  boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, name),
    UNIQUE (company_id, id)
);
CREATE UNIQUE INDEX warehouses_one_default ON warehouses (company_id) WHERE is_default;
SELECT tenant_policy('warehouses');

-- The current level of one product in one warehouse: derived from movements and active reservations, and
-- written in the same transaction as they are. average_cost is the moving average in the product's currency.
CREATE TABLE stock (
    company_id    uuid NOT NULL,
    warehouse_id  uuid NOT NULL,
    product_id    uuid NOT NULL,
    on_hand       numeric(18,4) NOT NULL DEFAULT 0,
    reserved      numeric(18,4) NOT NULL DEFAULT 0,
    average_cost  numeric(18,6) NOT NULL DEFAULT 0 CHECK (average_cost >= 0),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (product_id, warehouse_id),
    FOREIGN KEY (company_id, product_id) REFERENCES products (company_id, id),
    FOREIGN KEY (company_id, warehouse_id) REFERENCES warehouses (company_id, id),
    CONSTRAINT stock_on_hand_not_negative CHECK (on_hand >= 0),
    CONSTRAINT stock_reserved_not_negative CHECK (reserved >= 0),
    CONSTRAINT stock_not_over_reserved CHECK (reserved <= on_hand)
) WITH (fillfactor = 50);  -- hot rows are updated in place (HOT), many times between vacuums
CREATE INDEX stock_by_company ON stock (company_id, product_id);
SELECT tenant_policy('stock');

-- The truth about stock. A row is never changed: a mistake is mended by another movement.
CREATE TABLE movements (
    id            uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id    uuid NOT NULL,
    warehouse_id  uuid NOT NULL,
    product_id    uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('receipt', 'shipment', 'return', 'adjustment', 'transfer')),
    quantity      numeric(18,4) NOT NULL CHECK (quantity <> 0),
    unit_cost     numeric(18,6) NOT NULL CHECK (unit_cost >= 0),
    document_id   uuid NOT NULL,  -- the receipt, shipment, adjustment or transfer it belongs to
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT movements_sign CHECK (
        kind IN ('adjustment', 'transfer') OR (quantity < 0) = (kind = 'shipment'))
);
CREATE INDEX movements_by_product ON movements (company_id, product_id, id);
CREATE INDEX movements_by_document ON movements (document_id);
SELECT tenant_policy('movements');

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % refused: it is append-only; record a movement that corrects it', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER movements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON movements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DO $$ BEGIN  -- the application's role has the schema's name
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON movements FROM %I', current_schema());
END $$;

-- What the module knows of a sales order. 'short': not all lines could be reserved; 'waiting': the back-order
-- was accepted and queues; 'cancelled' may be the first thing heard of an order, and then it is the last.
CREATE TABLE demands (
    order_id       uuid PRIMARY KEY,
    company_id     uuid NOT NULL,
    number         text NOT NULL DEFAULT '',
    state          text NOT NULL CHECK (state IN
                       ('short', 'waiting', 'reserved', 'shipped', 'failed', 'returned', 'cancelled')),
    waiting_since  timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT demands_waiting_since CHECK ((state = 'waiting') = (waiting_since IS NOT NULL))
) WITH (fillfactor = 85);
CREATE INDEX demands_queue ON demands (company_id, waiting_since) WHERE waiting_since IS NOT NULL;
SELECT tenant_policy('demands');

-- The lines of orders that were not reserved at once; of the others the shipment has them.
CREATE TABLE demand_lines (
    order_id    uuid NOT NULL REFERENCES demands,
    product_id  uuid NOT NULL,
    company_id  uuid NOT NULL,
    quantity    numeric(18,4) NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, product_id)
);
SELECT tenant_policy('demand_lines');

CREATE TABLE shipments (
    id             uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id     uuid NOT NULL,
    order_id       uuid NOT NULL,
    warehouse_id   uuid NOT NULL,
    state          text NOT NULL CHECK (state IN ('ready', 'shipped', 'failed', 'returned', 'cancelled')),
    reason         text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    shipped_at     timestamptz,
    closed_at      timestamptz  -- failed, returned or cancelled
);
CREATE INDEX shipments_by_company ON shipments (company_id, id);
-- An order has at most one shipment that is under way or done.
CREATE UNIQUE INDEX shipments_one_per_order ON shipments (order_id) WHERE state IN ('ready', 'shipped');
CREATE INDEX shipments_by_order ON shipments (order_id);
SELECT tenant_policy('shipments');

CREATE TABLE shipment_lines (
    shipment_id  uuid NOT NULL REFERENCES shipments,
    product_id   uuid NOT NULL,
    company_id   uuid NOT NULL,
    quantity     numeric(18,4) NOT NULL CHECK (quantity > 0),
    unit_cost    numeric(18,6) NOT NULL DEFAULT 0,  -- the average cost at which it left; 0 until shipped
    PRIMARY KEY (shipment_id, product_id)
);
SELECT tenant_policy('shipment_lines');

-- One row: so many of this product in this warehouse are promised, to an order's shipment or by hand.
CREATE TABLE reservations (
    id            uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id    uuid NOT NULL,
    warehouse_id  uuid NOT NULL,
    product_id    uuid NOT NULL,
    order_id      uuid,
    shipment_id   uuid,
    reference     text,
    quantity      numeric(18,4) NOT NULL CHECK (quantity > 0),
    state         text NOT NULL CHECK (state IN ('active', 'released', 'consumed')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    closed_at     timestamptz,
    CHECK ((order_id IS NULL) = (shipment_id IS NULL)),
    CHECK ((state = 'active') = (closed_at IS NULL))
);
CREATE INDEX reservations_by_company ON reservations (company_id, id);
CREATE INDEX reservations_by_shipment ON reservations (shipment_id);
CREATE INDEX reservations_active ON reservations (product_id, warehouse_id) WHERE state = 'active';
SELECT tenant_policy('reservations');

-- Headers of stock documents. Their lines are the movements with that document_id.
CREATE TABLE receipts (
    id            uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id    uuid NOT NULL,
    warehouse_id  uuid NOT NULL REFERENCES warehouses,
    reference     text,
    created_by    uuid,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX receipts_by_company ON receipts (company_id, id);
SELECT tenant_policy('receipts');

CREATE TABLE adjustments (
    id            uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id    uuid NOT NULL,
    warehouse_id  uuid NOT NULL REFERENCES warehouses,
    reason        text NOT NULL CHECK (reason <> ''),
    created_by    uuid,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX adjustments_by_company ON adjustments (company_id, id);
SELECT tenant_policy('adjustments');

CREATE TABLE transfers (
    id                 uuid PRIMARY KEY DEFAULT uuidv7(),
    company_id         uuid NOT NULL,
    from_warehouse_id  uuid NOT NULL REFERENCES warehouses,
    to_warehouse_id    uuid NOT NULL REFERENCES warehouses,
    created_by         uuid,
    created_at         timestamptz NOT NULL DEFAULT now(),
    CHECK (from_warehouse_id <> to_warehouse_id)
);
CREATE INDEX transfers_by_company ON transfers (company_id, id);
SELECT tenant_policy('transfers');
