"""What can be wrong with a question."""

from __future__ import annotations


class QueryError(ValueError):
    """A question that cannot be answered as it was put: what, where, and how to put it."""
