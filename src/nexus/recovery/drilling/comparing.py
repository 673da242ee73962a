"""The business's numbers: those that a backup recorded beside those that its restore has. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from nexus.recovery.backups.manifest import Total
from nexus.recovery.drilling.proving import COUNTED
from nexus.recovery.drilling.report import Compared, Finding

NAMED = 5  # differences that a sentence names


def compare(recorded: Iterable[Total], found: Iterable[Total]) -> tuple[Compared, ...]:
    """Each number of either, by name and what it is of."""
    before = {(each.name, each.of): each for each in recorded}
    after = {(each.name, each.of): each for each in found}
    compared = []
    for key in sorted(before.keys() | after.keys()):
        one = before.get(key) or after[key]
        then, now = before.get(key), after.get(key)
        compared.append(
            Compared(
                one.name,
                one.title,
                one.unit,
                one.of,
                None if then is None else then.value,
                None if now is None else now.value,
            )
        )
    return tuple(compared)


def judged(compared: tuple[Compared, ...], lsn: str, seconds: float) -> Finding:
    """Whether all numbers are what they were; every difference is named with both values."""
    different = [each for each in compared if not each.same]
    if not compared:
        return Finding(COUNTED, "unproven", "no total was recorded in the backup", {}, seconds)
    if not different:
        text = "{count} totals are what the backup recorded at {lsn}"
        return Finding(COUNTED, "passed", text, {"count": str(len(compared)), "lsn": lsn}, seconds)
    told = "; ".join(_told(each) for each in different[:NAMED])
    more = len(different) - NAMED
    text = "{wrong} of {count} totals differ at {lsn}: {which}"
    which = f"{told}; +{more}" if more > 0 else told
    values = {"wrong": str(len(different)), "count": str(len(compared)), "lsn": lsn, "which": which}
    return Finding(COUNTED, "failed", text, values, seconds)


def _told(each: Compared) -> str:
    of = f" {each.of}" if each.of else ""
    return f"{each.name}{of}: {each.recorded or '-'} → {each.found or '-'} {each.unit}"
