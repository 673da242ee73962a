"""`nexus audit` on the command line: exit codes, forms and both languages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMPOSE = """\
services:
  db:
    image: postgres:17
    ports: ['5432:5432']
    volumes: ['db:/var/lib/postgresql/data']
volumes: {db: }
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    return tmp_path


def audit(*arguments: str | Path, language: str = "en") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "NEXUS_LANG": language, "PATH": "/nowhere", "HTTP_PROXY": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "nexus", "audit", *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_findings_at_the_threshold_end_with_one_and_are_told_with_place_and_mend(shop: Path) -> None:
    done = audit(shop)
    assert done.returncode == 1
    assert f"{shop}/compose.yaml:4  A data store is open to the world [data-port-published]" in done.stdout
    assert (
        'mend: remove the port (services reach it by name), or bind it: "127.0.0.1:5432:5432"' in done.stdout
    )
    assert done.stdout.splitlines()[-1].startswith("5 findings in 1 files: 2 high, 3 medium")


def test_findings_below_the_threshold_end_with_zero(shop: Path) -> None:
    assert audit(shop, "--fail-on", "critical").returncode == 0


def test_it_speaks_brazilian_portuguese(shop: Path) -> None:
    done = audit(shop, language="pt-BR")
    assert "ALTO (2)" in done.stdout
    assert "solução:" in done.stdout


def test_the_json_form_is_one_document(shop: Path) -> None:
    done = audit(shop, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert found["ok"] is False
    assert {each["rule"] for each in found["findings"]} >= {"data-port-published", "backup-missing"}


def test_the_sarif_form_is_one_document(shop: Path) -> None:
    assert json.loads(audit(shop, "--format", "sarif").stdout)["version"] == "2.1.0"


def test_a_clean_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "schema.prisma").write_text("")
    done = audit(tmp_path)
    assert (done.returncode, done.stdout) == (0, "no findings in 1 files\n")


def test_a_folder_with_nothing_to_audit_ends_with_two_and_one_message(tmp_path: Path) -> None:
    done = audit(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "holds nothing to audit" in done.stderr


def test_an_empty_compose_file_ends_with_two(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("")
    done = audit(tmp_path)
    assert done.returncode == 2
    assert "compose.yaml: is empty" in done.stderr


def test_bad_input_ends_with_two_and_says_how_to_mend_it(tmp_path: Path) -> None:
    done = audit(tmp_path / "nothing")
    assert done.returncode == 2
    assert "does not exist; name the project's folder" in done.stderr
    (tmp_path / "compose.yaml").write_text("services:\n  db:\n    imago: postgres\n")
    done = audit(tmp_path)
    assert done.returncode == 2
    assert "compose.yaml:3" in done.stderr
