"""One whole ERP on each runtime, with a brick of another language and two instances of one module."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from nexus.testing import ThrowawayStack, copied_root, throwaway_stack

REGISTRY = os.environ.get("NEXUS_TEST_REGISTRY", "127.0.0.1:5999")
WHERE = {
    "process": (),
    "compose": ("--runtime", "compose"),
    "swarm": ("--runtime", "swarm", "--registry", REGISTRY),
}
DOUBLED = "crm"


@pytest.fixture(scope="session")
def where() -> Mapping[str, tuple[str, ...]]:
    """The options of `up` that choose a runtime, by its name."""
    return WHERE


@pytest.fixture(
    scope="session",
    params=[
        # tests/stack and tests/telemetry ask the same of plain processes.
        pytest.param("process", marks=pytest.mark.soak),
        pytest.param("compose", marks=pytest.mark.docker),
        pytest.param("swarm", marks=[pytest.mark.docker, pytest.mark.swarm]),
    ],
)
def stack(request: pytest.FixtureRequest) -> Iterator[ThrowawayStack]:
    """A running stack."""
    if request.param == "swarm":
        request.getfixturevalue("data_node")
    with _root(request.param) as root, throwaway_stack(root=root, where=WHERE[request.param]) as running:
        yield running


@pytest.fixture(scope="session")
def data_node() -> None:
    """The data of a Swarm's databases are on the node we talk to."""
    here = subprocess.run(
        ["docker", "info", "--format", "{{.Swarm.NodeID}}"], capture_output=True, text=True, check=True
    )
    label = ["docker", "node", "update", "--label-add", "nexus.data=true", here.stdout.strip()]
    subprocess.run(label, check=True, capture_output=True)


@contextmanager
def _root(runtime: str) -> Iterator[Path]:
    """The ERP with two instances of one module, and with a brick of another language where that can run."""
    examples = ["appointments"] if runtime != "process" or shutil.which("npm") else []
    with copied_root(*examples) as folder:
        manifest = folder / "modules" / DOUBLED / "module.yaml"
        text = manifest.read_text()
        assert "min: 1" in text
        manifest.write_text(text.replace("min: 1", "min: 2"))
        yield folder
