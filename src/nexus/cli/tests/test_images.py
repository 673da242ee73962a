"""`nexus build` and `nexus images`, as operators call them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from nexus.runtimes.containers.engine import Engine

BRICK = "name: {name}\nruntime: python\nport: {port}\n"


def nexus(root: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    settings = {"NEXUS_ROOT": str(root), "NEXUS_HOME": str(root / "home"), "NEXUS_LANG": "en", **env}
    command = [sys.executable, "-m", "nexus", *arguments]
    return subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A stack of two bricks of one line each."""
    (tmp_path / "nexus.yaml").write_text(f"name: test-{uuid4().hex[:12]}\nbricks: [till, desk]\n")
    for name, port in (("till", 5001), ("desk", 5002)):
        code = tmp_path / name / f"nexus_{name}"
        code.mkdir(parents=True)
        (code / "__main__.py").write_text("print('hello')\n")
        (tmp_path / name / "module.yaml").write_text(BRICK.format(name=name, port=port))
    return tmp_path


@pytest.fixture
async def engine_root(root: Path) -> AsyncIterator[Path]:
    yield root
    stack = (root / "nexus.yaml").read_text().split()[1]
    engine = Engine()
    images = await engine.command("image", "ls", "--quiet", "--filter", f"label=nexus.stack={stack}")
    if images.split():
        await engine.command("image", "rm", "--force", *dict.fromkeys(images.split()))


@pytest.mark.docker
def test_what_changed_is_built_and_why_is_told(engine_root: Path) -> None:
    root = engine_root
    first = nexus(root, "build")
    assert first.returncode == 0, first.stderr
    assert "written: till/Dockerfile\n" in first.stdout
    assert first.stdout.count("no image is known") == 3  # the agent of telemetry is the third
    (root / "till/nexus_till/__main__.py").write_text("print('goodbye')\n")
    planned = nexus(root, "build", "--plan").stdout.splitlines()
    assert sorted(line.split(":")[0] for line in planned if line.endswith("is there")) == [
        "desk",
        "telemetry",
    ]
    assert [line for line in planned if line.endswith(": changed: till")]
    again = json.loads(nexus(root, "build", "--json").stdout)["images"]
    assert {each["service"]: (each["state"], each["changed"]) for each in again} == {
        "till": ("built", ["till"]),
        "desk": ("present", []),
        "telemetry": ("present", []),
    }
    bill = json.loads(Path(again[0]["sbom"]).read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")


@pytest.mark.docker
def test_a_failed_build_ends_with_1_after_the_others(engine_root: Path) -> None:
    (engine_root / "desk/nexus_desk/__main__.py").write_text("(\n")
    done = nexus(engine_root, "build")
    assert done.returncode == 1
    assert "desk: the build failed at step" in done.stderr
    assert "till: build" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.docker
def test_images_are_listed_explained_and_removed(engine_root: Path) -> None:
    root = engine_root
    assert nexus(root, "build", "till").returncode == 0
    listed = {each["service"]: each for each in json.loads(nexus(root, "images", "--json").stdout)["images"]}
    assert (listed["till"]["built"], listed["desk"]["built"]) == (True, False)
    assert 0 <= listed["till"]["above_base"] < 1_000_000
    assert "not built" in nexus(root, "images").stdout
    done = nexus(root, "images", "--sbom", "till", "-o", str(root / "till.json"))
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads((root / "till.json").read_text())["bomFormat"] == "CycloneDX"
    assert "desk is not built; build it" in nexus(root, "images", "--sbom", "desk").stderr.replace(
        listed["desk"]["image"], "desk"
    )
    assert json.loads(nexus(root, "images", "--prune", "--keep", "1", "--json").stdout) == {"removed": []}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "tilt"], "'tilt' is not part of this stack; did you mean 'till'?"),
        (["build", "--push"], "a push needs a registry"),
        (["build", "--ca", "none.pem"], "the certificates none.pem cannot be read"),
        (["images", "--sbom", "tilt"], "'tilt' is not part of this stack; did you mean 'till'?"),
    ],
)
def test_bad_input_is_told_in_a_sentence(root: Path, arguments: list[str], message: str) -> None:
    done = nexus(root, *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert message in done.stderr


def test_without_docker_both_commands_say_what_to_install(root: Path) -> None:
    for command in ("build", "images"):
        done = nexus(root, command, PATH="/nowhere")
        assert done.returncode == 2
        assert "the `docker` command was not found; install Docker Engine" in done.stderr
