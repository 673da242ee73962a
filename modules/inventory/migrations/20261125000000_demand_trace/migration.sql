-- An order is one trace: what people do to its shipment, and goods that arrive late, belong to it too.
ALTER TABLE demands ADD COLUMN trace text;
COMMENT ON COLUMN demands.trace IS 'W3C traceparent under which the order was first heard of';
