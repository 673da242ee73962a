"""Throwaway stacks whose images are built for real and removed afterwards."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from nexus.images import place_dockerfiles
from nexus.runtimes.containers.engine import Engine
from nexus.stack import Service, Stack, load_stack
from nexus.testing import CHECKOUT

INFRASTRUCTURE = """
infrastructure:
  postgres: {kind: database, runtime: postgres, port: 5433}
  redis: {kind: cache, runtime: valkey, port: 6379}
"""
NOT_COPIED = shutil.ignore_patterns("__pycache__", "tests", "node_modules", "dist", "Dockerfile*", ".*")


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def files(image: str) -> dict[str, tarfile.TarInfo]:
    """Every file of an image by its path."""
    container = docker("create", image)
    export = subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE)
    with export, tarfile.open(fileobj=export.stdout, mode="r|") as archive:
        found = {f"/{member.name}": member for member in archive}
    docker("rm", container)
    return found


@dataclass(frozen=True)
class House:
    """A stack in a folder of its own, under a name nobody else uses."""

    root: Path
    name: str

    def stack(self) -> Stack:
        """The stack as its files are now, Dockerfiles included."""
        place_dockerfiles(load_stack(self.root))
        return load_stack(self.root)

    def service(self, name: str) -> tuple[Stack, Service]:
        stack = self.stack()
        return stack, stack.service(name)

    def images(self) -> list[str]:
        """What the engine holds of this stack, the newest first."""
        return docker(
            "image", "ls", "--quiet", "--no-trunc", "--filter", f"label=nexus.stack={self.name}"
        ).split()


@pytest.fixture
def engine() -> Engine:
    return Engine()


@contextmanager
def house(root: Path, asks_engine: bool = True) -> Iterator[House]:
    """A stack whose containers and images go afterwards; none can be there when no engine is asked."""
    made = House(root, f"test-{uuid4().hex[:12]}")
    try:
        yield made
    finally:
        if asks_engine:
            remove(made)


def remove(made: House) -> None:
    """Takes away what the engine holds of a stack."""
    containers = docker("ps", "--all", "--quiet", "--filter", f"label=nexus.stack={made.name}").split()
    if containers:
        docker("rm", "--force", "--volumes", *containers)
    images = made.images()
    if images:
        docker("image", "rm", "--force", *dict.fromkeys(images))


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[House]:
    """Three bricks of the ERP with the kit, as they are in this checkout."""
    with house(tmp_path) as made:
        head = f"name: {made.name}\nshared: {{python: [kit, requirements/modules.lock]}}\n"
        (tmp_path / "nexus.yaml").write_text(head + INFRASTRUCTURE)
        for path in ("kit", "modules/auth", "modules/crm", "modules/users"):
            shutil.copytree(CHECKOUT / path, tmp_path / path, ignore=NOT_COPIED)
        (tmp_path / "requirements").mkdir()
        shutil.copy(CHECKOUT / "requirements/modules.lock", tmp_path / "requirements")
        yield made


@pytest.fixture
def small(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    """One Python brick of a few lines that depends on nothing."""
    with house(tmp_path, asks_engine=request.node.get_closest_marker("docker") is not None) as made:
        (tmp_path / "nexus.yaml").write_text(f"name: {made.name}\nbricks: [till]\n")
        code = tmp_path / "till" / "nexus_till"
        code.mkdir(parents=True)
        (code / "__init__.py").write_text('"""A brick."""\n')
        (code / "__main__.py").write_text("print('sold')\n")
        (code.parent / "module.yaml").write_text("name: till\nruntime: python\nport: 5001\n")
        yield made


@pytest.fixture
def run_container() -> Iterator[Callable[..., str]]:
    """Start containers; all are gone after the test."""
    started: list[str] = []

    def start(*arguments: str) -> str:
        started.append(docker("run", "--detach", *arguments))
        return started[-1]

    yield start
    if started:
        docker("rm", "--force", "--volumes", *started)


@pytest.fixture
def registry(run_container: Callable[..., str]) -> str:
    """The address of a registry of the test's own."""
    container = run_container("--publish", "127.0.0.1::5000", "registry:2")
    address = docker("port", container, "5000/tcp").splitlines()[0]
    give_up = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"http://{address}/v2/", timeout=5):
                return address
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)
