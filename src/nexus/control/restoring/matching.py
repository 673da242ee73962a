"""Which releases belong to a restored schema: those that were stable when it was as it is then. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nexus.releases.records import ReleaseSet


@dataclass(frozen=True)
class Matched:
    """`releases`: service → the id that is to be stable instead of the present one. `gone`: service → why the
    release of that time cannot run any more; the present one runs, on a schema that is brought to it.
    """

    releases: Mapping[str, str] = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)


def then(sets: Sequence[ReleaseSet], at: float | None, noted: Mapping[str, str]) -> Mapping[str, str]:
    """Service → its stable release at a time (seconds since the epoch). `sets`: newest first, as the
    catalogue has them; `noted`: what the backup that is begun from says.

    The backup is older than the time that is reached, so a set that became stable after it counts more.
    """
    for each in sets:
        if at is not None and each.at <= at:
            return each.releases
    return noted


def match(
    present: Mapping[str, str], wanted: Mapping[str, str], why_not: Callable[[str, str], str]
) -> Matched:
    """What is to change of the `present` releases. `why_not(service, release)` says why one cannot run, or
    "".
    """
    releases, gone = {}, {}
    for service, release in sorted(wanted.items()):
        if present.get(service, release) == release:
            continue
        why = why_not(service, release)
        if why:
            gone[service] = why
        else:
            releases[service] = release
    return Matched(releases, gone)
