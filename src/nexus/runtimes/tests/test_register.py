"""The register outlives the Nexus that wrote it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from nexus.runtimes.home import HomeError
from nexus.runtimes.process.accounts import LOWEST_UID, SLICE, SLICES, first_uid
from nexus.runtimes.process.format import FORMAT
from nexus.runtimes.process.register import Register

OLD = """
CREATE TABLE instances (instance TEXT PRIMARY KEY, service TEXT NOT NULL, release TEXT NOT NULL,
    port INTEGER NOT NULL, stop_signal INTEGER NOT NULL, pid INTEGER, birth TEXT, since REAL NOT NULL);
CREATE TABLE accounts (service TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE);
INSERT INTO instances VALUES ('crm-1', 'crm', 'abc', 10001, 15, 4711, 'then', 1.0);
INSERT INTO accounts VALUES ('crm', 0);
"""


def test_a_file_of_an_older_nexus_keeps_its_instances_and_their_users(tmp_path: Path) -> None:
    path = tmp_path / "control.db"
    with sqlite3.connect(path) as old:
        old.executescript(OLD)
    old.close()
    register = Register(path)
    (crm,) = register.known()
    assert (crm.instance, crm.pid, crm.knows) == ("crm-1", 4711, frozenset())
    assert register.first_uid(62_000) == 61_000
    register.close()


def test_a_file_of_a_newer_nexus_is_refused_with_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "control.db"
    Register(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute(f"PRAGMA user_version = {FORMAT + 1}")
    newer.close()
    with pytest.raises(HomeError, match="written by a newer Nexus"):
        Register(path)


def test_a_stack_keeps_its_users_and_another_has_others(tmp_path: Path) -> None:
    register = Register(tmp_path / "control.db")
    assert register.first_uid(61_064) == 61_064
    assert register.first_uid(61_128) == 61_064
    register.close()
    found = {first_uid(Path(f"/srv/{number}")) for number in range(1000)}
    assert found == {LOWEST_UID + SLICE * number for number in range(SLICES)}
    assert max(found) + SLICE <= 65_534
