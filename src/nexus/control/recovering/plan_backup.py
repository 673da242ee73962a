"""The plan of a backup: what is taken of what, why, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence

from nexus.control.recovering.amounts import size
from nexus.control.recovering.requests import Wish
from nexus.plans import Plan, Step
from nexus.recovery.backups.manifest import BackupManifest

_WORDS = {
    "full": "a full backup",
    "incremental": "what changed since the newest backup",
    "auto": "what changed since the newest backup, or all where that cannot be",
}


def plan_backup(
    stack: str,
    server: str,
    kind: Wish,
    cause: str,
    places: Sequence[str],
    backups: Sequence[BackupManifest] = (),
) -> Plan:
    """One step: nothing of a backup counts before its last file is stored. `places`: local first; `backups`:
    those there are, oldest first. Pure.
    """
    others = f"; {', '.join(places[1:])} {'gets' if len(places) == 2 else 'get'} it from there"
    does = f"take {_WORDS[kind]}, seal it and store it in {places[0]}{others if places[1:] else ''}"
    step = Step(
        "back-up", "back-up", server, cause, does, "delete what is stored of it", arguments={"kind": kind}
    )
    notes = () if places[1:] else ("no place beside this machine gets it: see recovery.places in nexus.yaml",)
    last = next((each for each in reversed(backups) if kind in ("auto", each.kind)), None)
    if last is not None:
        seconds = last.ended - last.began
        notes = (f"the last one ({last.id}) took {seconds:.0f} s and {size(last.size)}", *notes)
    return Plan(f"back up {stack}", (step,), notes)
