"""Which proofs a drill must bring; all others are told, and do not make it any greener."""

from __future__ import annotations

from collections.abc import Collection

from nexus.recovery.drilling.report import Finding
from nexus.stack import Stack

RESTORED, READY, CHECKED, PROBED = "restored", "ready", "invariants", "probe"
SOUND, COUNTED, LOSS, TIME, CLEANED = "pg_amcheck", "totals", "rpo", "rto", "cleaned"
IMMUTABLE = "immutable"
CACHE, CONTAINERS, TELEMETRY = "cache", "containers", "telemetry"
ACKNOWLEDGED, DAMAGE, COMMAND, REPORTED = "acknowledged", "damage", "command", "told"
TABLE, WHOLE = "table", "leftovers"


def of_nightly(has_totals: bool, has_probes: bool, has_invariants: bool) -> tuple[str, ...]:
    """What the nightly drill must prove. Pure.

    `has_totals`, `has_probes`, `has_invariants`: whether the stack has something to be asked.
    """
    asked = [(CHECKED, has_invariants), (PROBED, has_probes), (COUNTED, has_totals)]
    return (RESTORED, READY, SOUND, *(name for name, there in asked if there), LOSS, TIME, CLEANED)


def never_proven(stack: Stack, contained: bool, abilities: Collection[str] = ()) -> tuple[Finding, ...]:
    """What no drill on this machine says anything of. `contained`: whether the living stack runs in
    containers; `abilities`: services that could not be started beside it. Pure.
    """
    found = []
    if any(service.kind == "cache" for service in stack.services):
        text = "the cache's contents are not restored: it begins empty, and modules fill it again"
        found.append(Finding(CACHE, "unproven", text))
    if contained:
        text = "the restored stack ran as plain processes; that containers start on it was not proven"
        found.append(Finding(CONTAINERS, "unproven", text))
    if abilities:
        text = "{services} could not be started on this machine"
        told = {"services": ", ".join(sorted(abilities))}
        found.append(Finding("services", "unproven", text, told))
    found.append(Finding(TELEMETRY, "unproven", "telemetry is in no backup, and was not restored"))
    return tuple(found)
