"""What the business holds true, asked of the database."""

from nexus.business.check import CheckError, Result, check_invariants
from nexus.business.invariants import Invariant, InvariantError, Invariants, load_invariants

__all__ = [
    "CheckError",
    "Invariant",
    "InvariantError",
    "Invariants",
    "Result",
    "check_invariants",
    "load_invariants",
]
