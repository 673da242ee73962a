"""What the business holds true, asked of the database: `check.check_invariants`."""

from nexus.business.invariants import Invariant, InvariantError, Invariants, load_invariants

__all__ = ["Invariant", "InvariantError", "Invariants", "load_invariants"]
