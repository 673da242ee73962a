"""The working tree's contracts: who relies on what, and whether what runs could be changed over to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nexus.releases.catalogue import Catalogue
from nexus.releases.contracts.comparing import compare, compare_sets
from nexus.releases.contracts.finding import Break, Findings
from nexus.releases.contracts.provided import read_provided
from nexus.releases.contracts.uses import Uses, read_uses
from nexus.runtimes.home import Home
from nexus.stack import Stack
from nexus.stack.model import BRICK_FILE


@dataclass(frozen=True)
class Reliances:
    """Who relies on one operation or event of a provider. `fields`: how many different ones are named;
    `consumers` without any use whole contracts, since they declare nothing.
    """

    provider: str
    what: str
    consumers: tuple[str, ...]
    fields: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "consumers": list(self.consumers)}


def bricks_of(stack: Stack) -> dict[str, Path]:
    """The folders of the stack's bricks, by name."""
    return {each.name: each.folder for each in stack.services if each.manifest.name == BRICK_FILE}


def stable_folders(home: Home) -> dict[str, Path]:
    """The folders of the releases that are stable, by service; none when nothing was released yet."""
    if not home.database.is_file():
        return {}
    catalogue = Catalogue(home.database)
    try:
        stable = [catalogue.find(service, each) for service, each in catalogue.stable().items()]
    finally:
        catalogue.close()
    return {each.service: each.folder for each in stable if each.folder is not None}


def reliances(bricks: Mapping[str, Path], providers: Collection[str] = ()) -> tuple[Reliances, ...]:
    """Who relies on what of `providers` (none = all), by provider and operation or event.

    Raises:
        ContractError, ManifestError: a file cannot be used.
    """
    told: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for folder in bricks.values():
        uses = read_uses(folder)
        for provider, what, fields in _used(uses, bricks):
            consumers, named = told.setdefault((provider, what), (set(), set()))
            consumers.add(uses.consumer)
            named.update(fields)
    return tuple(
        Reliances(provider, what, tuple(sorted(consumers)), len(named))
        for (provider, what), (consumers, named) in sorted(told.items())
        if not providers or provider in providers
    )


def check(tree: Mapping[str, Path], stable: Mapping[str, Path]) -> Findings:
    """What would break if what is `stable` were changed over to the bricks of the `tree`.

    Each brick of the tree meets those that run (which stay beside it during a rollout) and those of the
    tree. With nothing stable the tree is compared with itself.

    Raises:
        ContractError, ManifestError: a file cannot be used.
    """
    found = [compare_sets(stable, {**stable, **tree})]
    for name, folder in tree.items():
        others = {other: place for other, place in stable.items() if other != name}
        found.append(compare(folder, others, stable.get(name)))
    return Findings(
        _sorted([each for one in found for each in one.breaks]),
        _sorted([each for one in found for each in one.warnings]),
        tuple(sorted({note for one in found for note in one.notes})),
    )


def _sorted(breaks: Collection[Break]) -> tuple[Break, ...]:
    return tuple(sorted(set(breaks)))


def _used(uses: Uses, bricks: Mapping[str, Path]) -> list[tuple[str, str, set[str]]]:
    found: list[tuple[str, str, set[str]]] = []
    for provider, reliance in uses.of.items():
        for what, use in (*reliance.requests.items(), *reliance.events.items()):
            found.append((provider, what, {*(f"?{name}" for name in use.query), *use.body, *use.reads}))
        if not reliance.declared and provider in bricks and read_provided(bricks[provider]).openapi:
            found.append((provider, "*", set()))
    return found
