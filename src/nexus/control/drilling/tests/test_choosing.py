"""Which backup's numbers are counted anew, and what a victim's manifest becomes."""

from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from nexus.control.drilling.beside import Beside
from nexus.control.drilling.choosing import newest_counted
from nexus.control.drilling.room import Room
from nexus.control.drilling.victim import SECOND, Victim, furnish
from nexus.control.recovering.tests.recovery_facts import NOW, backup
from nexus.recovery import layout
from nexus.recovery.backups.manifest import Total, Totals
from nexus.recovery.kit import make_kit
from nexus.recovery.places import open_place
from nexus.recovery.repository import Repository
from nexus.recovery.sealing import Keys, load_keys
from nexus.runtimes.home import Home

COUNTED = Totals("0/2500000", NOW, True, (Total("stock", "stock value", "BRL", "", "1"),))


async def test_a_backup_older_than_the_recovery_kit_is_passed_over(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    place = open_place("local", None, tmp_path, home)
    older = replace(backup(NOW - 20), totals=COUNTED)
    newer = replace(backup(NOW - 10, "incremental"), totals=replace(COUNTED, exact=False))
    own = Repository((place,), load_keys(home), tmp_path / "scratch")
    await own.put(layout.manifest(newer.id), newer.json())
    kit = make_kit(home)
    both = Repository((place,), load_keys(home), tmp_path / "scratch")
    await both.put(layout.manifest(older.id), older.json())
    assert await newest_counted(both) == older
    assert await newest_counted(replace(both, keys=Keys((), kit.identity))) == older
    await both.first.delete([layout.manifest(older.id)])
    assert await newest_counted(both) is None


@pytest.mark.parametrize("told", ["", "recovery:\n", "recovery: {rpo: 9s, places: {safe: {path: /x}}}\n"])
def test_a_victims_backups_go_to_its_own_places_alone(tmp_path: Path, told: str) -> None:
    room = Room(tmp_path)
    file = room.home / "stack" / "nexus.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(f"name: shop\n{told}")
    furnish(Victim(Beside(room.home), room))
    found = YAML(typ="safe").load(file.read_text())["recovery"]
    assert found["places"] == {SECOND: {"kind": "directory", "path": str(room.second)}}
    assert found.get("rpo") == ("9s" if "rpo" in told else None)
    assert room.kit.stat().st_mode & 0o777 == 0o600
