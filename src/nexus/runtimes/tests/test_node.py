"""Node.js bricks are built whole or not at all, for one release, and run from what was built."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nexus.runtimes.home import Home
from nexus.runtimes.process import ProcessRuntime
from nexus.runtimes.process.drivers import driver, node
from nexus.runtimes.process.register import Register
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site, Slot
from nexus.stack import Service, load_stack

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="Node.js and npm are not on PATH"
)
BRICK = {
    "nexus.yaml": "name: shop\n",
    "modules/till/module.yaml": "{name: till, runtime: node, command: [node, dist/main.js], port: 5003}\n",
    "modules/till/package.json": json.dumps(
        {"name": "till", "version": "1.0.0", "scripts": {"build": "node build.cjs"}}
    ),
    "modules/till/package-lock.json": json.dumps(
        {"name": "till", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "till"}}}
    ),
    "modules/till/build.cjs": (
        "const fs = require('node:fs'); fs.mkdirSync('dist', {mode: 0o700});"
        "fs.copyFileSync('main.cjs', 'dist/main.js');"
        "fs.chmodSync('dist/main.js', 0o600); console.log('made');"
    ),
    "modules/till/main.cjs": (
        "require('node:http').createServer((_, to) => to.end(JSON.stringify("
        "{folder: process.env.NEXUS_MODULE_DIR, here: process.cwd()})))"
        ".listen(process.env.PORT, process.env.HOST);"
    ),
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    for name, text in BRICK.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    home = Home.at(tmp_path / "home")
    home.prepare()
    home.furnish()
    return reload(Site(load_stack(tmp_path), home, {"till": 5003}), tmp_path)


@pytest.fixture
async def runtime(site: Site) -> AsyncIterator[ProcessRuntime]:
    made = ProcessRuntime(site.home, Register(site.home.database))
    yield made
    for running in await made.observe():
        await made.stop(running, 0.0)
    made.register.close()


def reload(site: Site, root: Path) -> Site:
    return Site(load_stack(root), site.home, site.ports)


def till(site: Site) -> Service:
    return site.stack.service("till")


def builds(site: Site) -> set[str]:
    return {each.name for each in (site.home.root / "builds" / "till").iterdir()}


def changed(site: Site, tmp_path: Path, text: str) -> Site:
    """The stack after its developer changed the brick."""
    (tmp_path / "modules/till/extra.txt").write_text(text)
    return reload(site, tmp_path)


@needs_node
async def test_a_build_holds_what_runs_and_everybody_can_read_it(site: Site) -> None:
    (till(site).folder / ".npmrc").write_text("//registry.example/:_authToken=secret\n")
    assert not node.built(site, till(site))
    await node.build(site, till(site))
    assert node.built(site, till(site))
    built = node.folder(site, till(site))
    assert builds(site) == {till(site).release}
    assert (built / "dist/main.js").stat().st_mode & 0o777 == 0o644
    assert (built / "dist").stat().st_mode & 0o777 == 0o755
    assert list(built.glob(".*")) == [], "what may hold secrets stays out"
    assert not (till(site).folder / "dist").exists(), "the brick's own folder stays as it is"


@needs_node
async def test_the_service_runs_in_its_build(site: Site, runtime: ProcessRuntime) -> None:
    await node.build(site, till(site))
    slot = Slot("till-1", 24_317)
    running = await runtime.start(driver(till(site)).prepare(runtime, site, till(site), slot, ""))
    async with asyncio.timeout(20):
        while (said := await asyncio.to_thread(_ask, slot.port)) is None:
            await asyncio.sleep(0.05)
    built = str(node.folder(site, till(site)))
    assert said == {"folder": built, "here": built}
    await runtime.stop(running, 2.0)


def _ask(port: int) -> dict[str, str] | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
            said: dict[str, str] = json.load(answer)
            return said
    except OSError:
        return None


@needs_node
async def test_what_fails_leaves_nothing_and_says_why(site: Site, tmp_path: Path) -> None:
    (tmp_path / "modules/till/build.cjs").write_text("console.error('no such flavour'); process.exit(3)")
    broken = reload(site, tmp_path)
    with pytest.raises(StartError, match=r"(?s)till: npm run build failed.*no such flavour"):
        await node.build(broken, till(broken))
    assert builds(broken) == set()
    assert not node.built(broken, till(broken))


@needs_node
async def test_a_build_that_is_cut_short_leaves_nothing(site: Site, tmp_path: Path) -> None:
    (tmp_path / "modules/till/build.cjs").write_text("setInterval(() => {}, 1000)")
    endless = reload(site, tmp_path)
    building = asyncio.create_task(node.build(endless, till(endless)))
    async with asyncio.timeout(60):
        while not _processes(endless):
            assert not building.done()
            await asyncio.sleep(0.05)
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    assert builds(endless) == set()
    async with asyncio.timeout(20):
        while _processes(endless):
            await asyncio.sleep(0.05)


def _processes(site: Site) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    pids = [line.split()[0] for line in listed.splitlines() if "build.cjs" in line]
    home = str(site.home.root)
    return [pid for pid in pids if _folder_of(pid).startswith(home)]


def _folder_of(pid: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


@needs_node
async def test_what_a_killed_build_left_is_swept_and_never_taken_for_a_build(site: Site) -> None:
    (site.home.root / "builds" / "till" / "unfinished-x" / "node_modules").mkdir(parents=True)
    assert not node.built(site, till(site))
    await node.build(site, till(site))
    assert builds(site) == {till(site).release}


@needs_node
async def test_the_two_newest_builds_and_those_that_run_are_kept(
    site: Site, tmp_path: Path, runtime: ProcessRuntime
) -> None:
    await node.build(site, till(site))
    first = till(site).release
    slot = Slot("till-1", 24_318)
    await runtime.start(driver(till(site)).prepare(runtime, site, till(site), slot, ""))
    releases = []
    for text in ("one", "two", "three"):
        site = changed(site, tmp_path, text)
        await node.build(site, till(site))
        releases.append(till(site).release)
    assert builds(site) == {first, *releases[1:]}


def test_what_is_built_is_no_part_of_the_release(site: Site, tmp_path: Path) -> None:
    before = till(site).release
    (tmp_path / "modules/till/dist").mkdir()
    (tmp_path / "modules/till/dist/main.js").write_text("1")
    assert till(reload(site, tmp_path)).release == before
    assert till(changed(site, tmp_path, "one")).release != before


@needs_node
def test_a_release_that_was_not_built_is_not_started(site: Site, runtime: ProcessRuntime) -> None:
    with pytest.raises(StartError, match="is not built; run nexus up"):
        node.prepare(runtime, site, till(site), Slot("till-1", 24_319), "")


@pytest.mark.parametrize("says", ["v18.20.4", "hello"])
def test_an_old_node_is_refused_with_the_mend(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "node"
    program.write_text(f"#!/bin/sh\necho {says}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(StartError, match=rf"till needs Node.js 20 or newer, but .* is {says}; install Node"):
        node.find_node(till(site))


def test_a_machine_without_node_is_told_what_to_install(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StartError, match=r"not on PATH; install Node\.js 20 or newer with npm"):
        node.find_node(till(site))
