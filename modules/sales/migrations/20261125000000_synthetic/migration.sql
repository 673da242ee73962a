-- The company of synthetic probes, which the kit names, has one customer and one product. No other module knows
-- them. Its orders are no history worth keeping: this is the one way to delete a timeline.
INSERT INTO customers (company_id, id, name)
VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000004', 'Synthetic customer');
INSERT INTO products (company_id, id, sku, name, list_price)
VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000005', 'SYNTHETIC',
        'Synthetic product', 1.00);

CREATE FUNCTION forget_synthetic_orders(older_than interval) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    WITH old AS (
        SELECT id FROM orders
        WHERE company_id = '00000000-0000-7000-8000-000000000001' AND created_at < now() - older_than
    ), told AS (
        DELETE FROM order_timeline t USING old
        WHERE t.company_id = '00000000-0000-7000-8000-000000000001' AND t.order_id = old.id
    ), lines AS (
        DELETE FROM order_lines l USING old
        WHERE l.company_id = '00000000-0000-7000-8000-000000000001' AND l.order_id = old.id
    ), gone AS (
        DELETE FROM orders o USING old
        WHERE o.company_id = '00000000-0000-7000-8000-000000000001' AND o.id = old.id
        RETURNING 1
    )
    SELECT count(*) FROM gone;
END;
REVOKE EXECUTE ON FUNCTION forget_synthetic_orders(interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_synthetic_orders(interval) TO sales;

-- An order is a probe's because of its company. Requests could once say so in `synthetic`; those orders count.
UPDATE orders SET synthetic = false WHERE synthetic AND company_id <> '00000000-0000-7000-8000-000000000001';
ALTER TABLE orders ADD COLUMN of_probe boolean
    GENERATED ALWAYS AS (company_id = '00000000-0000-7000-8000-000000000001') VIRTUAL;
COMMENT ON COLUMN orders.synthetic IS 'What the former release writes and reads; of_probe is what counts';
