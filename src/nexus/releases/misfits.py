"""Which releases do not fit together, read from the contracts in their artefacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nexus.releases.contracts import compare, read_uses
from nexus.releases.facts import Pair
from nexus.releases.release import Release


@dataclass
class Misfits:
    """Pairs of releases that do not fit → sentences that name consumer and field; and what is not known."""

    pairs: dict[Pair, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_misfits(running: Mapping[str, Release], others: Iterable[Release]) -> Misfits:
    """What does not fit of `others`, the releases that a plan may bring: with what runs (service → release)
    and with each other. What the releases that run lack of each other already is not counted.

    Raises:
        ContractError, ManifestError: a contract's file cannot be used.
    """
    found = Misfits()
    stable = {name: each for name, each in running.items() if each.folder is not None}
    new = [each for each in others if each.folder is not None]
    for provider in new:
        _compare(found, provider, list(stable.values()), stable)
        _compare(found, provider, new, stable)
    for consumer in new:
        assert consumer.folder is not None
        for name in read_uses(consumer.folder).of:
            if name in stable:
                _compare(found, stable[name], [consumer], stable)
    return found


def _compare(
    found: Misfits, provider: Release, consumers: Iterable[Release], stable: Mapping[str, Release]
) -> None:
    """Notes what `provider` does not meet. Of several releases of one consumer, each is asked by itself."""
    former = stable.get(provider.service)
    before = former.folder if former is not None else None
    present = {name: each.folder for name, each in stable.items() if each.folder}
    assert provider.folder is not None
    for group in _rounds(each for each in consumers if each.service != provider.service):
        places: dict[str, Path] = {name: each.folder for name, each in group.items() if each.folder}
        told = compare(provider.folder, places, before, {n: p for n, p in present.items() if n in places})
        found.notes = tuple(dict.fromkeys((*found.notes, *told.notes)))
        for each in told.breaks:
            pair = Pair(each.consumer, group[each.consumer].id, provider.service, provider.id)
            found.pairs[pair] = tuple(dict.fromkeys((*found.pairs.get(pair, ()), each.sentence)))


def _rounds(releases: Iterable[Release]) -> list[dict[str, Release]]:
    """Releases in groups that hold each service once."""
    groups: list[dict[str, Release]] = []
    for release in releases:
        free = next((group for group in groups if release.service not in group), None)
        if free is None:
            groups.append(free := {})
        free[release.service] = release
    return groups
