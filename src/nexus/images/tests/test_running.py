"""What is built runs: without privileges, without tools, on stripped libraries, to a clean end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from nexus_kit.testing import ModuleProcess

from nexus.images import build
from nexus.images.tests.conftest import House, docker, files
from nexus.images.tests.contained import CONFINED, brick_in_a_container, until
from nexus.render.dockerfile import BASES
from nexus.runtimes.containers.engine import Engine

pytestmark = pytest.mark.docker

TOOLS = {"pip", "pip3", "uv", "gcc", "cc", "ld", "as", "strip", "make", "npm", "npx", "corepack", "wheel"}


async def test_a_brick_lives_without_privileges_and_ends_well_when_told(
    engine: Engine, erp: House, run_container: Callable[..., str]
) -> None:
    stack, crm = erp.service("crm")
    container = run_container(*CONFINED, str((await build(engine, stack, crm)).reference))
    until(container, '"Status":"healthy"')
    status = docker("exec", container, "cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    assert fields["Uid"].split() == ["10001"] * 4
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    docker("stop", "--time", "20", container)
    assert docker("inspect", "--format", "{{.State.ExitCode}} {{.State.OOMKilled}}", container) == "0 false"


async def test_an_instance_without_its_database_is_unwell_and_says_why(
    engine: Engine, erp: House, run_container: Callable[..., str], tmp_path: Path
) -> None:
    stack, crm = erp.service("crm")
    image = str((await build(engine, stack, crm)).reference)
    address = tmp_path / "database_url"
    address.write_text("postgresql://crm:secret@127.0.0.1:1/erp")
    tmp_path.chmod(0o755)
    given = ("--volume", f"{address}:/run/database_url:ro", "--env", "DATABASE_URL_FILE=/run/database_url")
    container = run_container(*CONFINED, *given, image)
    said = until(container, "/health/ready HTTP/1.1 503")
    assert r"\"database\":{\"ok\":false" in said
    assert '"ExitCode":1' in said


async def test_an_image_holds_neither_tools_nor_tests_and_all_of_its_bytecode(
    engine: Engine, erp: House
) -> None:
    stack, users = erp.service("users")
    image = str((await build(engine, stack, users)).reference)
    found = files(image)
    programs = {
        Path(path).name for path, member in found.items() if member.mode & 0o111 and not member.isdir()
    }
    assert "python" in programs
    assert programs.isdisjoint(TOOLS)
    ours = {path: member for path, member in found.items() if path.startswith(("/opt/", "/var/lib/nexus"))}
    folders = {Path(path).name for path, member in ours.items() if member.isdir()}
    assert folders.isdisjoint({"tests", "test", "testing", ".git", "pip", "setuptools", "pytest"})
    assert not any(path.endswith(("_history", "/Dockerfile", ".dockerignore", ".lock")) for path in ours)
    assert not any(path.endswith(("/pip", "/setuptools")) for path in found)
    sources = [path for path in ours if path.endswith(".py")]
    assert len(sources) > 500
    for source in sources:
        folder, name = source.rsplit("/", 1)
        assert f"{folder}/__pycache__/{name[:-3]}.cpython-311.pyc" in ours
    assert all(member.mode & 0o004 for path, member in ours.items() if member.isfile())
    assert not any(member.mode & 0o022 for member in ours.values() if not member.issym())
    base = docker("history", "--quiet", "--no-trunc", BASES["python"]).splitlines()
    steps = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image).splitlines()
    own = "\n".join(steps[: -len(base)])
    assert "COPY /opt/packages" in own
    assert "pip install" not in own
    assert "apt-get" not in own


async def test_stripped_libraries_serve_requests_tell_events_and_check_tokens(
    engine: Engine, erp: House, start_module: Callable[..., Awaitable[ModuleProcess]], tmp_path: Path
) -> None:
    stack, crm = erp.service("crm")
    image = str((await build(engine, stack, crm)).reference)
    folder = brick_in_a_container(crm.folder, image, tmp_path / "contained")
    module = await start_module("crm", folder=folder)
    headers = module.headers(["crm.customer.read", "crm.customer.write"])
    body = {"name": "Padaria Pão Quente", "tax_id": "12.abc.345/01de-35"}
    async with module.http.post("/api/crm/customers", json=body, headers=headers) as answer:
        made = await answer.json()
        assert answer.status == 201, made
    async with module.http.get(f"/api/crm/customers/{made['id']}", headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, made)
    async with module.http.get(f"/api/crm/customers/{made['id']}") as answer:
        assert answer.status == 401
    (event,) = await module.events("customer.created")
    assert str(event.entity_id) == made["id"]
    assert await module.stop() == 0
