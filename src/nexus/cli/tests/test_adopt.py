"""`nexus adopt`: what it prints, how it ends, and that it says everything in both languages."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nexus.adoption
from nexus.cli.catalogue import PT_BR
from nexus.stack import load_stack

ROOM = Path(nexus.adoption.__file__).parent
PROJECTS = ROOM / "tests" / "projects"


def adopt(folder: Path, *arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "NEXUS_ROOT": str(folder),
        "NEXUS_HOME": str(folder / "home"),
        "NEXUS_LANG": language,
    }
    command = [sys.executable, "-m", "nexus", "adopt", *arguments]
    return subprocess.run(
        command, env=env, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def erp(tmp_path: Path) -> Path:
    shutil.copytree(PROJECTS / "erp", tmp_path / "erp")
    return tmp_path / "erp"


def test_a_project_is_adopted_and_the_outcome_is_told(erp: Path) -> None:
    done = adopt(erp, ".")
    assert done.returncode == 0, done.stderr
    assert "adopt 12 services of padaria-erp" in done.stdout
    assert "create      modules/crm/module.yaml  (docker-compose.yml:90)" in done.stdout
    assert "auth (docker-compose.yml:68): JWT_SECRET is a secret; its value was not copied" in done.stdout
    assert f"13 files written to {erp}/nexus" in done.stdout
    assert load_stack(erp / "nexus").name == "padaria-erp"


def test_a_plan_gives_the_reasons_and_writes_nothing(erp: Path) -> None:
    done = adopt(erp, ".", "--plan")
    assert "needs.soft: CRM_URL names crm (docker-compose.yml:111)" in done.stdout
    assert f"13 files would be written to {erp}/nexus" in done.stdout
    assert not (erp / "nexus").exists()


def test_the_outcome_is_told_in_portuguese(erp: Path) -> None:
    done = adopt(erp, "docker-compose.yml", "--plan", "-o", "stack", language="pt-BR")
    assert "adotar 11 serviços de padaria-erp" in done.stdout, "one file alone, without its override"
    assert "CRM_URL cita crm" in done.stdout
    assert "JWT_SECRET é um segredo; o valor não foi copiado" in done.stdout


def test_the_json_form_names_files_services_and_what_is_unknown(erp: Path) -> None:
    found = json.loads(adopt(erp, ".", "--json", "--plan").stdout)
    assert (found["project"], found["written"]) == ("padaria-erp", False)
    assert found["from"] == [f"{erp}/docker-compose.yml", f"{erp}/docker-compose.override.yml"]
    assert found["files"][0] == {
        "file": "nexus.yaml",
        "action": "create",
        "from": f"{erp}/docker-compose.yml",
    }
    crm = next(each for each in found["services"] if each["name"] == "crm")
    assert crm["manifest"] == "modules/crm/module.yaml"
    assert crm["needs"] == {"hard": ["postgres"], "soft": ["redis", "auth"]}
    assert crm["secrets"] == ["hubspot_token", "app_redis_url"]
    assert {"field": "port", "why": "5004 is published", "at": f"{erp}/docker-compose.yml:93"} in crm[
        "reasons"
    ]
    assert {"services", "what", "mend", "at"} == set(found["unknown"][0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "holds no Compose file; name one, or add compose.yaml"),
        ("services: [", "compose.yaml:1: is not YAML"),
        ("hello\n", "compose.yaml:1: is not a mapping"),
        ("servces: {}\n", "did you mean 'services'?"),
        ("services: {}\n", "has no services; there is nothing to adopt"),
    ],
)
def test_bad_input_ends_with_2_and_one_message(text: str | None, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "compose.yaml").write_text(text)
    done = adopt(tmp_path, ".")
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "nexus").exists()


@pytest.mark.parametrize("name", ["gone", "gone.yaml", "x" * 300, "a\x01b"])
def test_a_path_that_does_not_exist_is_told(name: str, tmp_path: Path) -> None:
    done = adopt(tmp_path, name)
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
    assert "unexpected" not in done.stderr


def test_a_changed_manifest_ends_with_2_and_stays(erp: Path) -> None:
    adopt(erp, ".")
    manifest = erp / "nexus" / "modules" / "crm" / "module.yaml"
    manifest.write_text(manifest.read_text().replace("port: 5004", "port: 6004"))
    done = adopt(erp, ".", language="pt-BR")
    assert done.returncode == 2
    assert "modules/crm/module.yaml; retire-os de lá" in done.stderr
    assert "port: 6004" in manifest.read_text()


def sentences(file: Path) -> Iterator[str]:
    """Every text of a module that somebody may read: neither docstring nor pattern nor list of words."""
    tree = ast.parse(file.read_text())
    hidden: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr | ast.JoinedStr):
            hidden |= {id(each) for each in ast.walk(node) if isinstance(node, ast.JoinedStr)}
            hidden |= {id(node.value)} if isinstance(node, ast.Expr) else set()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("compile", "sub"):
                hidden |= {id(each) for argument in node.args for each in ast.walk(argument)}
            if node.func.attr == "split":
                hidden |= {id(each) for each in ast.walk(node.func.value)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in hidden else None
        if isinstance(text, str) and " " in text.strip():
            yield text


@pytest.mark.parametrize("file", sorted(ROOM.glob("*.py")), ids=lambda file: file.name)
def test_every_sentence_has_a_translation(file: Path) -> None:
    missing = [text for text in sentences(file) if text not in PT_BR]
    assert missing == []
