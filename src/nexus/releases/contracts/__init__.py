"""Contracts between releases: what a brick provides, what others rely on, and what a release would break."""

from nexus.releases.contracts.comparing import breaks, compare, compare_sets, judge, satisfied
from nexus.releases.contracts.finding import Break, Findings
from nexus.releases.contracts.provided import ContractError, Provided, read_provided
from nexus.releases.contracts.uses import Reliance, Use, Uses, read_uses

__all__ = [
    "Break",
    "ContractError",
    "Findings",
    "Provided",
    "Reliance",
    "Use",
    "Uses",
    "breaks",
    "compare",
    "compare_sets",
    "judge",
    "read_provided",
    "read_uses",
    "satisfied",
]
