"""How changes of releases are named in plans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nexus.releases.facts import MigrationFacts
from nexus.releases.release import Release

SHOWN = 3


def change(old: Release | None, new: Release) -> str:
    """`sales 1.4.0 → 1.5.0`; ids where versions do not tell them apart."""
    if old is None:
        return f"{new.service} {label(new)}"
    if old.digest == new.digest and old.secrets_version != new.secrets_version:
        return f"{new.service}: other secrets ({old.id} → {new.id})"
    before, after = label(old), label(new)
    if before == after:
        before, after = old.id, new.id
    return f"{new.service} {before} → {after}"


def label(release: Release) -> str:
    """What people call a release where the service is known: its version, or its id."""
    return release.version or release.id


def instances(count: int) -> str:
    """`1 instance`, `3 instances`."""
    return f"{count} instance" + ("s" if count != 1 else "")


def migrations(pending: Iterable[MigrationFacts]) -> str:
    """`2 migrations (20261101_a, 20261102_b)`."""
    names = [each.name for each in pending]
    return f"{len(names)} migration{'s' if len(names) != 1 else ''} ({', '.join(names)})"


def abridged(sentences: Sequence[str]) -> str:
    """The first few of many sentences, and how many more there are."""
    shown, more = sentences[:SHOWN], len(sentences) - SHOWN
    rest = f"; and {more} more, which `nexus contracts check` lists" if more > 0 else ""
    return "; ".join(shown) + rest


def seconds(value: float) -> str:
    """As plans and arguments write a duration: `30`, `2.5`."""
    return f"{value:g}"
