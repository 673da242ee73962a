"""Running what was built the way production does: confined, and watched by its own health check."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from ruamel.yaml import YAML

from nexus.images.tests.conftest import docker

CONFINED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp")
# What the process of a module is told here, it is told in a container too; the image knows its own folder.
_SCRIPT = """
told="$NEXUS_STATE_DIR/env"
env | grep -E '^(HOST|PORT|NEXUS_[A-Z_]+|[A-Z_]+_FILE)=' | grep -v '^NEXUS_MODULE_DIR=' > "$told"
exec docker run --rm --init --network host --user 0:0 {confined} -v {tmp}:{tmp} --env-file "$told" {image}
"""


def until(container: str, words: str) -> str:
    """Wait until the image's own health check has said these words; return all it has said."""
    give_up = time.monotonic() + 30
    while words not in (said := docker("inspect", "--format", "{{json .State.Health}}", container)):
        assert time.monotonic() < give_up, said
        time.sleep(0.1)
    return said


def brick_in_a_container(folder: Path, image: str, target: Path) -> Path:
    """Copy a brick so that starting it starts its image, with the very environment its process would get."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("node_modules", "dist", "tests"))
    yaml = YAML(typ="safe", pure=True)
    manifest = yaml.load(target / "module.yaml")
    script = _SCRIPT.format(confined=" ".join(CONFINED[:-2]), tmp=tempfile.gettempdir(), image=image)
    manifest["command"] = ["sh", "-c", script]
    with (target / "module.yaml").open("w") as file:
        yaml.dump(manifest, file)
    return target
