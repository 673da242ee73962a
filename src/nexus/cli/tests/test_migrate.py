# ruff: noqa: E501 - the expected messages stand whole, as the reader sees them
"""What commands on migrations say, in both languages, and how they end on bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nexus import control
from nexus.cli.catalogue import PT_BR
from nexus.cli.migratesaid import said
from nexus.cli.tests.test_cli import texts

STACK = """\
name: small
infrastructure:
  pg: {kind: database, runtime: postgres, port: 9432}
"""
TILL = """\
name: till
runtime: command
command: [till]
port: 9001
needs: {hard: [pg]}
database: {schema: till}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "nexus.yaml").write_text(STACK)
    folder = tmp_path / "modules" / "till" / "migrations" / "20260101000000_first"
    folder.mkdir(parents=True)
    (folder / "migration.sql").write_text("CREATE TABLE receipts (id int PRIMARY KEY);\n")
    (tmp_path / "modules" / "till" / "module.yaml").write_text(TILL)
    return tmp_path


def migrate(root: Path, *arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "NEXUS_ROOT": str(root), "NEXUS_HOME": str(root / "home"), "NEXUS_LANG": language}
    command = [sys.executable, "-m", "nexus", "migrate", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("rate", ["nan", "inf", "101", "0", "-1"])
def test_a_rate_that_cannot_be_replayed_is_refused(root: Path, rate: str) -> None:
    done = migrate(root, "rehearse", "--rate", rate)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"nexus: --rate {rate} cannot be replayed; write a number above 0, at most 100\n"


@pytest.mark.parametrize("command", ["status", "plan", "drift", "map"])
def test_without_a_database_each_says_how_to_get_one(root: Path, command: str) -> None:
    done = migrate(root, command)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "nexus: this stack has no database yet; start it with `nexus up`\n"
    assert "inicie-a com `nexus up`" in migrate(root, command, language="pt-BR").stderr
    assert not (root / "home").exists(), "looking changes nothing"


def test_a_database_that_is_away_is_told_with_its_reason(root: Path) -> None:
    secrets = root / "home" / "secrets" / "pg"
    secrets.mkdir(parents=True)
    (secrets / "admin_url").write_text("postgresql://postgres@127.0.0.1:1/nexus")
    done = migrate(root, "status")
    assert done.returncode == 2
    assert "PostgreSQL does not answer (" in done.stderr
    assert "start the stack with `nexus up`" in done.stderr


@pytest.mark.parametrize("command", [["apply"], ["undo", "till"], ["baseline", "till"]])
def test_what_changes_needs_a_stack_that_runs(root: Path, command: list[str]) -> None:
    done = migrate(root, *command)
    assert (done.returncode, done.stderr) == (2, "nexus: nothing runs; start with `nexus up`\n")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["plan", "--to", "till"], "--to 'till' is no MODULE=NAME"),
        (["plan", "--to", "tilt=x"], "no module 'tilt' has a schema in this stack; did you mean 'till'?"),
        (["drift", "shop"], "no module 'shop' has a schema in this stack"),
        (["resolve", "till"], "name one migration: --applied, --rolled-back, --resume or --edited NAME"),
        (["lint", "nowhere.sql"], "nowhere.sql is no file, no folder and no module"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(root: Path, command: list[str], expected: str) -> None:
    done = migrate(root, *command)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"nexus: {expected}")
    assert "Traceback" not in done.stderr


def test_lint_needs_no_database(root: Path) -> None:
    script = root / "modules" / "till" / "migrations" / "20260102000000_name" / "migration.sql"
    script.parent.mkdir()
    script.write_text("ALTER TABLE receipts RENAME COLUMN id TO number;\n")
    done = migrate(root, "lint", "--json")
    found = json.loads(done.stdout)
    assert (found["living"], found["files"]) == (False, 2)
    assert any(each["file"].endswith(f"{script.parent.name}/migration.sql") for each in found["findings"])
    assert done.returncode == (1 if any(each["level"] == "error" for each in found["findings"]) else 0)


def test_one_file_that_cannot_be_read_hides_no_finding_of_another(root: Path) -> None:
    for name, sql in (
        ("20260102000000_typo", "ALTER TABEL receipts ADD COLUMN a int;"),
        ("20260103000000_drop", "ALTER TABLE receipts DROP COLUMN id;"),
    ):
        script = root / "modules" / "till" / "migrations" / name / "migration.sql"
        script.parent.mkdir()
        script.write_text(sql + "\n")
    other = root / "20260104000000_psql.sql"
    other.write_text("SELECT 1;\n\\copy receipts from 'receipts.csv'\n")
    done = migrate(root, "lint", "--json", "till", str(other))
    found = json.loads(done.stdout)
    unread = [each for each in found["findings"] if each["rule"] == "unreadable"]
    assert sorted(each["line"] for each in unread) == [1, 2]
    assert all(Path(each["file"]).is_file() for each in unread)
    assert any("20260103000000_drop" in each["file"] for each in found["findings"])
    assert (done.returncode, found["files"]) == (1, 4)


def test_what_stands_in_the_way_is_json_where_json_is_asked_for(root: Path) -> None:
    done = migrate(root, "plan", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["code"]) == (2, False, "")
    assert told["refused"] == "this stack has no database yet; start it with `nexus up`"


BOB = {
    "pid": 4711,
    "user": "bob",
    "application": "psql",
    "state": "idle in transaction",
    "since": 540.0,
    "query": "SELECT *\n  FROM receipts",
    "relation": "till.receipts",
}


def told(kind: str, sentence: str = "", **detail: Any) -> dict[str, Any]:
    return {"event": "told", "kind": kind, "line": 3, "sentence": sentence, "detail": detail}


@pytest.mark.parametrize(
    ("event", "english", "portuguese"),
    [
        (
            told("waiting", blockers=[BOB]),
            "line 3: waiting for pid 4711 (psql, user bob, idle in transaction for 9 m 0 s: SELECT * FROM receipts)",
            "linha 3: aguardando pid 4711 (psql, usuário bob, ociosa em transação há 9 m 0 s: SELECT * FROM receipts)",
        ),
        (
            told("gave-way", waiters=[{**BOB, "query": ""}], table="till.receipts"),
            "line 3: gave way, pid 4711 (psql, user bob, idle in transaction for 9 m 0 s) waited for till.receipts; "
            "it is tried again",
            "linha 3: cedeu a vez, pid 4711 (psql, usuário bob, ociosa em transação há 9 m 0 s) esperava por "
            "till.receipts; será tentada de novo",
        ),
        (told("progress", share=0.43), "line 3: 43 %", "linha 3: 43 %"),
        (
            told("batch", rows=1200000, share=0.62, pause=0.5, why="replica lag 3 s"),
            "line 3: 1,200,000 rows, 62 %, pausing: replica lag 3 s",
            "linha 3: 1.200.000 linhas, 62 %, em pausa: replica lag 3 s",
        ),
        (
            told("restore-point", name="nexus-till", lsn="0/18D0710"),
            "restore point nexus-till at 0/18D0710",
            "ponto de restauração nexus-till em 0/18D0710",
        ),
        (told("cleaned", "dropped the invalid index a\x1b[31m"), "dropped the invalid index a\\x1b[31m", None),
        (told("finished", "applied in 1 s"), "", ""),
    ],
)  # fmt: skip
def test_what_happens_within_a_migration_is_one_line(
    event: dict[str, Any], english: str, portuguese: str | None, spoken_by: Callable[[str], None]
) -> None:
    for name, expected in (("en", english), ("pt-BR", portuguese if portuguese is not None else english)):
        spoken_by(name)
        assert said(event) == expected


def test_everything_that_the_desk_says_of_an_absent_database_is_translated() -> None:
    folder = Path(str(control.__file__)).parent / "migrating"
    said_of_it = texts(sorted(folder.glob("*.py")), "Unanswered")
    assert len(said_of_it) == 3
    assert sorted(said_of_it - PT_BR.keys()) == []
