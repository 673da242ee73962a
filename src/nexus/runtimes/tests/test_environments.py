"""Python bricks run in an environment made from their release's lock, or not at all."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.runtimes.home import Home
from nexus.runtimes.process import ProcessRuntime, environments
from nexus.runtimes.process.drivers import driver
from nexus.runtimes.process.register import Register
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site, Slot
from nexus.stack import Service, load_stack
from nexus.testing import CHECKOUT

PACKAGE = "idna"


def locked(package: str) -> str:
    """The lines of one package in the lock of what bricks depend on."""
    lines = (CHECKOUT / "requirements" / "modules.lock").read_text().splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith(f"{package}=="))
    last = next(n for n, line in enumerate(lines[first:], first) if not line.endswith("\\"))
    return "\n".join(lines[first : last + 1]) + "\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home beside which nothing can be written, so that its environments are its own."""
    monkeypatch.setattr(environments, "_place", lambda home: home.root / "environments")
    return Home.at(tmp_path / "home")


@pytest.fixture
def service(tmp_path: Path) -> Service:
    files = {
        "nexus.yaml": "{name: shop, shared: {python: [kit, modules.lock, runtime.lock]}}",
        "modules/till/module.yaml": "{name: till, runtime: python, port: 5003}",
        "kit/shop_kit.py": "",
        "modules.lock": locked(PACKAGE),
        "runtime.lock": "what another platform was made from",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return load_stack(tmp_path).service("till")


def platform_fits(service: Service) -> None:
    """Makes the release's lock of the platform that of the present one."""
    (service.folder.parents[1] / "runtime.lock").write_bytes(
        (Path(sys.prefix) / "nexus.runtime.lock").read_bytes()
    )


async def test_a_brick_finds_what_its_lock_names_and_nothing_else(home: Home, service: Service) -> None:
    assert not environments.built(home, service)
    await environments.build(home, service)
    assert environments.built(home, service)
    python = environments.interpreter(home, service)
    listed = "import importlib.metadata as m; print(*sorted(d.name for d in m.distributions()))"
    done = subprocess.run([python, "-I", "-c", listed], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [PACKAGE]
    packages = next(python.parents[1].glob("lib/python3*/site-packages"))
    assert list((packages / PACKAGE / "__pycache__").iterdir())
    for each in (python.parents[1], packages, packages / PACKAGE / "core.py"):
        assert each.stat().st_mode & 0o004


async def test_two_that_build_at_once_make_one_environment_that_another_place_keeps(
    home: Home, service: Service
) -> None:
    code = """
import asyncio, sys
from pathlib import Path
from nexus.runtimes.home import Home
from nexus.runtimes.process import environments
from nexus.stack import load_stack
environments._place = lambda home: home.root / "environments"
service = load_stack(Path(sys.argv[2])).service("till")
asyncio.run(environments.build(Home.at(Path(sys.argv[1])), service))
"""
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(home.root), str(service.folder.parents[1])
    )
    await asyncio.gather(environments.build(home, service), environments.build(home, service), other.wait())
    assert other.returncode == 0
    (made,) = (each for each in (home.root / "environments").iterdir() if each.is_dir())
    born = made.stat().st_ino
    await environments.build(home, service)
    assert made.stat().st_ino == born


async def test_what_cannot_be_installed_is_told_in_uvs_words_and_leaves_nothing(
    home: Home, service: Service
) -> None:
    lock = environments.lock_of(service)
    assert lock is not None
    lock.write_text(f"{PACKAGE}==0.0.1 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(StartError, match=r"the environment cannot be made: .+; check the network"):
        await environments.build(home, service)
    assert [each.name for each in (home.root / "environments").iterdir()] == [".lock"]
    with pytest.raises(StartError, match="the environment of till is not built; run nexus up"):
        environments.interpreter(home, service)


async def test_without_uv_the_platforms_own_environment_serves_if_it_is_of_the_same_lock(
    home: Home, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "_uv", lambda: "/nowhere/uv")
    with pytest.raises(StartError, match="uv cannot be run"):
        await environments.build(home, service)
    platform_fits(service)
    await environments.build(home, service)
    assert environments.interpreter(home, service) == Path(sys.executable)


def test_a_brick_without_a_lock_runs_in_the_platforms_own_environment(home: Home, service: Service) -> None:
    plain = replace(service, shared=())
    assert environments.built(home, plain)
    assert environments.interpreter(home, plain) == Path(sys.executable)


async def test_a_process_imports_its_releases_own_code_before_all_else(home: Home, service: Service) -> None:
    home.root.mkdir()
    await environments.build(home, service)
    register = Register(home.database)
    site = Site(load_stack(service.folder.parents[1]), home, {"till": 5003})
    launch = driver(service).prepare(ProcessRuntime(home, register), site, service, Slot("till-1", 9000), "")
    register.close()
    assert launch.argv[0] == str(environments.interpreter(home, service))
    assert launch.env["PYTHONPATH"].split(":") == [str(service.folder), str(service.shared[0])]
    assert launch.env["PATH"].split(":")[0] == str(environments.interpreter(home, service).parent)


async def test_environments_that_nobody_asks_for_go_after_a_month(home: Home, service: Service) -> None:
    await environments.build(home, service)
    made = environments.folder(home, environments.lock_of(service) or Path())
    old = time.time() - environments.UNUSED_S - 60
    running = subprocess.Popen([made / "bin" / "python", "-c", "input()"], stdin=subprocess.PIPE)
    try:
        os.utime(made, (old, old))
        environments._remove_unused(made.parent)
        assert made.stat().st_mtime > old
    finally:
        running.communicate(b"\n")
    os.utime(made, (old, old))
    environments.interpreter(home, service)  # it is started again
    environments._remove_unused(made.parent)
    assert made.is_dir()
    os.utime(made, (old, old))
    environments._remove_unused(made.parent)
    assert not made.exists()


async def test_an_environment_is_on_the_disk_before_it_is_in_its_place(
    home: Home, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, seen = environments.folder(home, environments.lock_of(service) or Path()), list[bool]()
    monkeypatch.setattr(os, "sync", lambda: seen.append(made.exists()))
    await environments.build(home, service)
    assert (seen, made.is_dir()) == ([False], True)
