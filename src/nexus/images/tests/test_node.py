"""Bricks of Node.js: built with what they need for it, shipped with what they need to run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from nexus_kit.testing import ModuleProcess

from nexus.images import build
from nexus.images.sbom import sbom
from nexus.images.tests.conftest import INFRASTRUCTURE, NOT_COPIED, House, docker, files
from nexus.images.tests.contained import CONFINED, brick_in_a_container, until
from nexus.runtimes.containers.engine import Engine
from nexus.testing import CHECKOUT

pytestmark = pytest.mark.docker

GONE = (".npmrc", "/npm", "/npx", "/corepack")
MANIFEST = "name: board\nruntime: node\ncommand: [node, dist/main.js]\nport: 5002\n"
PACKAGE = {
    "name": "board",
    "version": "1.0.0",
    "scripts": {"build": "node build.js"},
    "dependencies": {"ms": "2.1.3"},
    "devDependencies": {"mri": "1.2.0"},
}
LOCK = {
    "name": "board",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "packages": {
        "": {key: PACKAGE[key] for key in ("name", "version", "dependencies", "devDependencies")},
        "node_modules/ms": {"version": "2.1.3"},
        "node_modules/mri": {"version": "1.2.0", "dev": True},
    },
}
BUILD = """
require("mri");
const fs = require("node:fs");
fs.mkdirSync("dist", { recursive: true });
fs.copyFileSync("main.source.js", "dist/main.js");
"""
MAIN = """
const ms = require("ms");
const http = require("node:http");
const server = http.createServer((request, answer) => {
  answer.end(String(ms("1s")));
});
server.listen(process.env.PORT, process.env.HOST);
process.on("SIGTERM", () => { server.close(); server.closeAllConnections(); });
"""

UNREADY = """
  const up = request.url !== "/health/ready" || require("node:fs").existsSync("/tmp/up");
  answer.statusCode = up ? 200 : 503;
  """


@pytest.fixture
def board(small: House) -> House:
    shutil.rmtree(small.root / "till")
    (small.root / "nexus.yaml").write_text(f"name: {small.name}\nbricks: [board]\n")
    folder = small.root / "board"
    folder.mkdir()
    (folder / "module.yaml").write_text(MANIFEST)
    (folder / "package.json").write_text(json.dumps(PACKAGE))
    (folder / "package-lock.json").write_text(json.dumps(LOCK))
    (folder / "build.js").write_text(BUILD)
    (folder / "main.source.js").write_text(MAIN)
    (folder / ".npmrc").write_text("fund=false\n")
    return small


async def test_a_brick_of_node_runs_without_privileges_and_without_what_built_it(
    engine: Engine, board: House, run_container: Callable[..., str]
) -> None:
    stack, service = board.service("board")
    image = str((await build(engine, stack, service)).reference)
    found = files(image)
    assert "/opt/nexus/board/node_modules/ms/index.js" in found
    assert not any(
        "/mri/" in path or path.endswith((".npmrc", "/npm", "/npx", "/corepack")) for path in found
    )
    bill = await sbom(engine, (await build(engine, stack, service)).reference)
    assert '"pkg:npm/ms@2.1.3"' in bill
    container = run_container(*CONFINED, image)
    until(container, '"Status":"healthy"')
    assert "10001" in docker("exec", container, "id", "-u")
    docker("stop", "--time", "10", container)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0"


async def test_a_changed_line_keeps_the_layer_of_the_packages(engine: Engine, board: House) -> None:
    found = []
    for word in ("one", "two"):
        (board.root / "board/main.source.js").write_text(f"{MAIN}\n// {word}\n")
        stack, service = board.service("board")
        made = await build(engine, stack, service)
        found.append(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", str(made.reference)))
    before, after = (json.loads(each) for each in found)
    assert (before[:-1], before[-1] != after[-1]) == (after[:-1], True)


async def test_the_probe_of_node_tells_life_from_readiness(
    engine: Engine, board: House, run_container: Callable[..., str]
) -> None:
    (board.root / "board/main.source.js").write_text(MAIN.replace("answer.end(", f"{UNREADY}answer.end("))
    stack, service = board.service("board")
    container = run_container(*CONFINED, str((await build(engine, stack, service)).reference))

    def ask(question: str) -> bool:
        said = docker("exec", container, "sh", "-c", f"node /opt/nexus/probe.js {question}; echo code $?")
        return said.endswith("code 0")

    until(container, "/health/ready 503: 1000")
    assert not ask("startup")
    docker("exec", container, "touch", "/tmp/up")
    assert ask("startup")
    assert ask("ready")
    docker("exec", container, "rm", "/tmp/up")
    assert ask("startup")
    assert not ask("ready")


async def test_the_example_brick_serves_from_its_image(
    engine: Engine, small: House, start_module: Callable[..., Awaitable[ModuleProcess]], tmp_path: Path
) -> None:
    shutil.copytree(CHECKOUT / "examples/appointments", small.root / "appointments", ignore=NOT_COPIED)
    shutil.copy(CHECKOUT / "examples/appointments/.npmrc", small.root / "appointments")
    shutil.copytree(CHECKOUT / "modules/auth", small.root / "auth", ignore=NOT_COPIED)
    (small.root / "nexus.yaml").write_text(
        f"name: {small.name}\nbricks: [auth, appointments]\n{INFRASTRUCTURE}"
    )
    stack, service = small.service("appointments")
    image = str((await build(engine, stack, service)).reference)
    folder = brick_in_a_container(service.folder, image, tmp_path / "contained")
    module = await start_module("appointments", folder=folder)
    async with module.http.get("/api/appointments", headers=module.headers()) as answer:
        assert answer.status in (200, 403), await answer.text()
    async with module.http.get("/api/appointments") as answer:
        assert answer.status == 401
    assert await module.stop() == 0
    names = {Path(path).name for path in files(image)}
    assert names.isdisjoint({"typescript", "prisma-client.d.ts", "schema-engine", "tsc"})
    assert not any("schema-engine" in name or name.startswith("libquery_engine") for name in names)
