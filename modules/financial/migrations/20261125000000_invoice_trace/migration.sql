-- An order is one trace: the payment comes from outside, long after, and belongs to it too.
ALTER TABLE invoices ADD COLUMN trace text;
COMMENT ON COLUMN invoices.trace IS 'W3C traceparent under which the invoice and its charge were issued';
