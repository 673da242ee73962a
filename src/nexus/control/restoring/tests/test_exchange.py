"""The exchange of data: nothing is deleted or written over, and cut short anywhere, the same call goes on.

A container's script is tried on plain folders: it is the same shell.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nexus.control.addresses import Refused
from nexus.control.restoring.folders import Folders
from nexus.control.restoring.volumes import CARRY, EXCHANGE, KEPT, LAST
from nexus.runtimes.home import Home
from nexus.runtimes.protocol import StartError

STAMP = "20261126T143000Z"
Act = Callable[..., None]  # True: swap, False: back; `again`: it was begun before


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    (tmp_path / "data").mkdir()
    return Folders(Home.at(tmp_path), "db")


def make(folder: Path, version: str) -> None:
    folder.mkdir()
    (folder / "PG_VERSION").write_text(version)


def version(folder: Path) -> str:
    return (folder / "PG_VERSION").read_text()


@pytest.fixture(params=["folders", "script"])
def act(request: pytest.FixtureRequest, folders: Folders) -> Act:
    data, before, restored = folders.data, folders.before(STAMP), folders.restored(STAMP)

    def by_folders(forward: bool, again: bool = False) -> None:
        asyncio.run(folders.swap(STAMP, again) if forward else folders.swap_back(STAMP))

    def by_script(forward: bool, again: bool = False) -> None:
        others = (restored, before) if forward else (before, restored)
        command = ["sh", "-c", EXCHANGE, "sh", *map(str, (data, *others)), "again" if again else ""]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StartError(done.stderr)

    return by_folders if request.param == "folders" else by_script


def test_the_former_data_are_kept_and_come_back(folders: Folders, act: Act) -> None:
    make(folders.data, "former")
    make(folders.restored(STAMP), "restored")
    act(True)
    assert (version(folders.data), version(folders.before(STAMP))) == ("restored", "former")
    act(True)  # again: nothing
    assert (version(folders.data), version(folders.before(STAMP))) == ("restored", "former")
    act(False)
    assert (version(folders.data), version(folders.restored(STAMP))) == ("former", "restored")
    act(False)
    assert version(folders.data) == "former"


def test_cut_short_between_the_two_moves_it_goes_on_or_back(folders: Folders, act: Act) -> None:
    make(folders.before(STAMP), "former")
    make(folders.restored(STAMP), "restored")
    act(True)
    assert version(folders.data) == "restored"
    folders.data.rename(folders.restored(STAMP))
    act(False)
    assert version(folders.data) == "former"
    assert version(folders.restored(STAMP)) == "restored"


def test_data_that_are_gone_altogether_are_no_obstacle(folders: Folders, act: Act) -> None:
    make(folders.restored(STAMP), "restored")
    act(True)
    assert version(folders.data) == "restored"
    assert not folders.before(STAMP).exists()
    act(True, again=True)
    assert version(folders.data) == "restored"


def test_what_was_restored_and_is_gone_is_not_taken_for_exchanged(folders: Folders, act: Act) -> None:
    make(folders.data, "former")
    with pytest.raises(StartError, match="not there any more"):
        act(True)
    assert version(folders.data) == "former"


def test_former_data_that_were_deleted_cannot_come_back(folders: Folders, act: Act) -> None:
    make(folders.data, "former")
    make(folders.restored(STAMP), "restored")
    act(True)
    assert asyncio.run(folders.kept(STAMP))
    assert kept_by_script(folders)
    subprocess.run(folders.discard(STAMP), shell=True, check=True)
    assert not asyncio.run(folders.kept(STAMP))
    assert not kept_by_script(folders)
    with pytest.raises(StartError, match="not there any more"):
        act(False)
    assert version(folders.data) == "restored"


def kept_by_script(folders: Folders) -> bool:
    paths = map(str, (folders.data, folders.before(STAMP), folders.restored(STAMP)))
    return bool(subprocess.check_output(["sh", "-c", KEPT, "sh", *paths]).strip())


def test_giving_up_leaves_nothing_of_a_killed_restore(folders: Folders) -> None:
    restored = folders.restored(STAMP)
    for folder in (restored, restored.with_name(f"{restored.name}.proof")):
        make(folder, "restored")
    make(restored.with_name(f".{restored.name}.restoring"), "restored")
    asyncio.run(folders.drop(STAMP))
    assert list(folders.data.parent.iterdir()) == []


def test_nothing_is_written_over_when_somebody_made_data_meanwhile(folders: Folders, act: Act) -> None:
    for folder in (folders.data, folders.before(STAMP), folders.restored(STAMP)):
        make(folder, folder.name)
    with pytest.raises(StartError, match="all there"):
        act(True)
    assert version(folders.data) == "db"


def test_a_server_that_still_runs_keeps_its_data(folders: Folders) -> None:
    make(folders.data, "former")
    make(folders.restored(STAMP), "restored")
    with subprocess.Popen(["sleep", "60"], executable=_named_postgres(folders.data.parent)) as server:
        (folders.data / "postmaster.pid").write_text(f"{server.pid}\n/data\n")
        with pytest.raises(StartError, match="still runs"):
            asyncio.run(folders.swap(STAMP, False))
        server.kill()
    asyncio.run(folders.swap(STAMP, False))
    assert version(folders.data) == "restored"


def _named_postgres(folder: Path) -> str:
    program = folder / "postgres"
    os.symlink(subprocess.check_output(["sh", "-c", "command -v sleep"], text=True).strip(), program)
    return str(program)


def test_a_linked_folder_stays_on_its_disk(folders: Folders, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    make(disk / "pg", "former")
    (tmp_path / "data" / "db").symlink_to(disk / "pg")
    make(folders.restored(STAMP), "restored")
    assert folders.restored(STAMP).parent == disk
    asyncio.run(folders.swap(STAMP, False))
    assert version(tmp_path / "data" / "db") == "restored"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_mounted_data_folder_is_refused_before_anything_is_done(folders: Folders) -> None:
    folders.data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", str(folders.data)], check=True)
    try:
        with pytest.raises(Refused, match="--into"):
            asyncio.run(folders.check())
    finally:
        subprocess.run(["umount", str(folders.data)], check=True)


def test_what_is_carried_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    make(tmp_path / "source", "restored")
    (tmp_path / LAST).touch()
    whole = ["tar", "-c", "-f", "-", "-C", str(tmp_path / "source"), ".", "-C", str(tmp_path), LAST]
    cut = ["tar", "-c", "-f", "-", "-C", str(tmp_path / "source"), "."]  # ends between two files
    script = CARRY.replace("chown", ": chown")
    target, before = tmp_path / "target", tmp_path / "before"
    command = ["sh", "-c", script, "sh", str(target), str(before)]
    first = subprocess.run(command, input=subprocess.check_output(cut), capture_output=True, check=False)
    assert first.returncode
    assert b"cut off" in first.stderr
    assert not target.exists()
    subprocess.run(command, input=subprocess.check_output(whole), check=True)
    assert version(target) == "restored"
    assert not (target / LAST).exists()
