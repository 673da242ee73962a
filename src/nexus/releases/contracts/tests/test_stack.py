"""The contracts of this stack and of the bricks to copy: complete, and nobody relies on what is not there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.releases.contracts import read_uses
from nexus.releases.contracts.provided import manifest_of
from nexus.releases.contracts.tree import bricks_of, check
from nexus.stack import load_stack

ROOT = Path(__file__).parents[5]


def folders() -> Iterator[Path]:
    for pattern in ("modules/*/contracts", "examples/*/contracts"):
        yield from (path.parent for path in sorted(ROOT.glob(pattern)))


def test_every_use_is_met_by_the_bricks_of_the_same_tree() -> None:
    bricks = {**bricks_of(load_stack(ROOT)), **{folder.name: folder for folder in folders()}}
    found = check(bricks, {})
    assert [each.sentence for each in found.breaks + found.warnings] == []


@pytest.mark.parametrize("folder", list(folders()), ids=lambda folder: folder.name)
def test_the_contracts_tell_of_the_events_that_the_manifest_names(folder: Path) -> None:
    said = manifest_of(folder).get("events") or {}
    file = folder / "contracts" / "events.json"
    described = json.loads(file.read_text()) if file.exists() else {}
    assert sorted(described) == sorted(said.get("publishes", ()))
    heard = {name: set(types) for name, types in (said.get("consumes") or {}).items()}
    used = json.loads((folder / "contracts" / "uses.json").read_text())
    assert {name: set(use["events"]) for name, use in used.items() if "events" in use} == heard
    assert set(read_uses(folder).of) == set(used)
