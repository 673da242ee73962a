"""Events between modules: outbox, relay, consumer, inbox."""
