"""Carrying migrations out: locks that nobody queues behind, statements that are never applied twice."""
