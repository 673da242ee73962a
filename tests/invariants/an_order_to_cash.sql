-- An hour ago: a company stocked a product, one order went from quote to ledger, one is reserved, one waits.
-- 01 company, 02 product, 03 and 33 warehouses, 04 receipt, 07 customer; order 05 with shipment 06, invoice 08,
-- payment 09; order 15 with shipment 16; order 25 waits; 34 transfer, 35 adjustment.
SET search_path = users;
INSERT INTO companies (company_id, name, tax_id)
VALUES ('00000000-0000-0000-0000-000000000001', 'Loja', '11222333000181');

SET search_path = crm;
INSERT INTO customers (company_id, id, name, tax_id, tax_id_kind)
VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000007', 'Ana', '52998224725', 'cpf');

SET search_path = inventory;
INSERT INTO products (id, company_id, sku, name, list_price, updated_at)
VALUES ('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001', 'P-1', 'Pen', 10,
        now() - interval '1 hour');
INSERT INTO warehouses (id, company_id, name, is_default)
VALUES ('00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000001', 'Main', true),
       ('00000000-0000-0000-0000-000000000033', '00000000-0000-0000-0000-000000000001', 'Shop', false);
INSERT INTO receipts (id, company_id, warehouse_id)
VALUES ('00000000-0000-0000-0000-000000000004', '00000000-0000-0000-0000-000000000001',
        '00000000-0000-0000-0000-000000000003');
INSERT INTO transfers (id, company_id, from_warehouse_id, to_warehouse_id)
VALUES ('00000000-0000-0000-0000-000000000034', '00000000-0000-0000-0000-000000000001',
        '00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000033');
INSERT INTO adjustments (id, company_id, warehouse_id, reason)
VALUES ('00000000-0000-0000-0000-000000000035', '00000000-0000-0000-0000-000000000001',
        '00000000-0000-0000-0000-000000000003', 'broken');
INSERT INTO movements (company_id, warehouse_id, product_id, kind, quantity, unit_cost, document_id)
SELECT '00000000-0000-0000-0000-000000000001', warehouse::uuid, '00000000-0000-0000-0000-000000000002',
       kind, quantity, 4, document::uuid
  FROM (VALUES ('00000000-0000-0000-0000-000000000003', 'receipt', 10, '00000000-0000-0000-0000-000000000004'),
               ('00000000-0000-0000-0000-000000000003', 'shipment', -2, '00000000-0000-0000-0000-000000000006'),
               ('00000000-0000-0000-0000-000000000003', 'transfer', -1, '00000000-0000-0000-0000-000000000034'),
               ('00000000-0000-0000-0000-000000000033', 'transfer', 1, '00000000-0000-0000-0000-000000000034'),
               ('00000000-0000-0000-0000-000000000003', 'adjustment', -1, '00000000-0000-0000-0000-000000000035'))
       AS moved (warehouse, kind, quantity, document);
INSERT INTO stock (company_id, product_id, warehouse_id, on_hand, reserved, average_cost)
VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002',
        '00000000-0000-0000-0000-000000000003', 6, 3, 4),
       ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002',
        '00000000-0000-0000-0000-000000000033', 1, 0, 4);
INSERT INTO demands (order_id, company_id, number, state, waiting_since)
VALUES ('00000000-0000-0000-0000-000000000005', '00000000-0000-0000-0000-000000000001', '1', 'shipped', NULL),
       ('00000000-0000-0000-0000-000000000015', '00000000-0000-0000-0000-000000000001', '2', 'reserved', NULL),
       ('00000000-0000-0000-0000-000000000025', '00000000-0000-0000-0000-000000000001', '3', 'waiting', now());
INSERT INTO demand_lines (order_id, product_id, company_id, quantity)
VALUES ('00000000-0000-0000-0000-000000000025', '00000000-0000-0000-0000-000000000002',
        '00000000-0000-0000-0000-000000000001', 99);
INSERT INTO shipments (id, company_id, order_id, warehouse_id, state, shipped_at)
VALUES ('00000000-0000-0000-0000-000000000006', '00000000-0000-0000-0000-000000000001',
        '00000000-0000-0000-0000-000000000005', '00000000-0000-0000-0000-000000000003', 'shipped',
        now() - interval '1 hour'),
       ('00000000-0000-0000-0000-000000000016', '00000000-0000-0000-0000-000000000001',
        '00000000-0000-0000-0000-000000000015', '00000000-0000-0000-0000-000000000003', 'ready', NULL);
INSERT INTO shipment_lines (shipment_id, product_id, company_id, quantity, unit_cost)
VALUES ('00000000-0000-0000-0000-000000000006', '00000000-0000-0000-0000-000000000002',
        '00000000-0000-0000-0000-000000000001', 2, 4),
       ('00000000-0000-0000-0000-000000000016', '00000000-0000-0000-0000-000000000002',
        '00000000-0000-0000-0000-000000000001', 3, 0);
INSERT INTO reservations (company_id, warehouse_id, product_id, order_id, shipment_id, quantity, state, closed_at)
VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000003',
        '00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000005',
        '00000000-0000-0000-0000-000000000006', 2, 'consumed', now()),
       ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000003',
        '00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000015',
        '00000000-0000-0000-0000-000000000016', 3, 'active', NULL);

SET search_path = sales;
INSERT INTO products (company_id, id, sku, name, unit, list_price)
VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002', 'P-1', 'Pen', 'un', 10);
INSERT INTO orders (company_id, id, number, customer_id, customer_name, total, state, shipment_state, invoice_state,
                    confirmed_at, reserved_at, shipped_at, invoiced_at, paid_at, reconciled_at, done_at)
SELECT '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000005', 1,
       '00000000-0000-0000-0000-000000000007', 'Ana', 20, 'done', 'shipped', 'paid', at, at, at, at, at, at, at
  FROM (SELECT now() - interval '1 hour' AS at) AS hour;
INSERT INTO orders (company_id, id, number, customer_id, customer_name, total, state, shipment_state,
                    confirmed_at, reserved_at)
VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000015', 2,
        '00000000-0000-0000-0000-000000000007', 'Ana', 30, 'processing', 'reserved', now(), now()),
       ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000025', 3,
        '00000000-0000-0000-0000-000000000007', 'Ana', 990, 'confirmed', 'backorder', now(), NULL);
INSERT INTO order_lines (company_id, order_id, position, product_id, sku, description, quantity, unit_price, total)
VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000005', 1,
        '00000000-0000-0000-0000-000000000002', 'P-1', 'Pen', 1, 10, 10),
       ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000005', 2,
        '00000000-0000-0000-0000-000000000002', 'P-1', 'Pen', 1, 10, 10);

SET search_path = financial;
INSERT INTO periods (id, company_id, month)
VALUES ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-000000000001', '2026-11-01');
INSERT INTO invoices (id, company_id, number, order_id, order_number, customer_id, total, lines, state,
                      issue_date, due_date, paid_at)
VALUES ('00000000-0000-0000-0000-000000000008', '00000000-0000-0000-0000-000000000001', 1,
        '00000000-0000-0000-0000-000000000005', '1', '00000000-0000-0000-0000-000000000007', 20, '[]', 'paid',
        '2026-11-20', '2026-11-21', now());
INSERT INTO charges (txid, company_id, invoice_id, order_id, amount, state, expires_at)
VALUES ('00000000000000000000000000000008', '00000000-0000-0000-0000-000000000001',
        '00000000-0000-0000-0000-000000000008', '00000000-0000-0000-0000-000000000005', 20, 'paid', now());
INSERT INTO payments (id, company_id, method, end_to_end_id, invoice_id, order_id, amount, received_at, reconciled_at)
VALUES ('00000000-0000-0000-0000-000000000009', '00000000-0000-0000-0000-000000000001', 'pix', 'E1',
        '00000000-0000-0000-0000-000000000008', '00000000-0000-0000-0000-000000000005', 20, now(), now());
INSERT INTO entries (company_id, period_id, date, kind, source_id, description, total, state, posted_at)
VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', '2026-11-20', 'cost',
        '00000000-0000-0000-0000-000000000005', 'Cost of order 1', 8, 'posted', now());
RESET search_path;
