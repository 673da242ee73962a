-- An order is one trace: what is done to it later belongs to the trace in which it was created.
ALTER TABLE orders ADD COLUMN trace text;
COMMENT ON COLUMN orders.trace IS 'W3C traceparent of the request that created the order';
