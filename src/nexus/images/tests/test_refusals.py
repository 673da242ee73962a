"""A build that cannot succeed is told in one message, and leaves no image behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nexus.images import BuildError, build
from nexus.images.building import build_all
from nexus.images.errors import SourceError
from nexus.images.tests.conftest import House
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.stack import load_stack

FULL = (
    "FROM python:3.11-slim-bookworm\n"
    "RUN --mount=type=tmpfs,target=/full,size=1m dd if=/dev/zero of=/full/file bs=1M count=4\n"
)


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


@pytest.mark.docker
async def test_a_mistake_in_the_code_is_shown_with_its_line(engine: Engine, small: House) -> None:
    (small.root / "till/nexus_till/__main__.py").write_text("def broken(:\n")
    stack, till = small.service("till")
    with pytest.raises(BuildError) as refused:
        await build(engine, stack, till)
    said = str(refused.value)
    assert said.startswith("till: the build failed at step [brick 3/3] RUN python -m compileall")
    assert "nexus_till/__main__.py" in said
    assert "SyntaxError" in said
    assert small.images() == []


@pytest.mark.docker
async def test_a_base_that_does_not_exist_is_named(engine: Engine, small: House, registry: str) -> None:
    change(small.root / "till/module.yaml", "port:", f"image: {registry}/python:0.0\nport:")
    stack, till = small.service("till")
    with pytest.raises(BuildError, match=rf"^till: the base image {registry}/python:0\.0 does not exist"):
        await build(engine, stack, till)
    assert small.images() == []


@pytest.mark.docker
async def test_a_base_that_cannot_be_reached_is_told_apart(engine: Engine, small: House) -> None:
    change(small.root / "till/module.yaml", "port:", "image: 127.0.0.1:1/python:3.11\nport:")
    stack, till = small.service("till")
    with pytest.raises(BuildError, match=r"python:3\.11 is not in this engine, and its registry cannot be"):
        await build(engine, stack, till)


@pytest.mark.docker
async def test_a_disk_that_fills_during_a_build_leaves_no_image(engine: Engine, small: House) -> None:
    (small.root / "till/Dockerfile").write_text(FULL)
    stack, till = small.service("till")
    with pytest.raises(BuildError, match=r"^till: the disk was full during the build; make room"):
        await build(engine, stack, till)
    assert small.images() == []


@pytest.mark.docker
async def test_one_that_fails_does_not_stop_the_others(engine: Engine, small: House) -> None:
    shutil.copytree(small.root / "till", small.root / "desk")
    change(
        small.root / "desk/module.yaml",
        "till\nruntime: python\nport: 5001",
        "desk\nruntime: python\nport: 5002",
    )
    change(small.root / "nexus.yaml", "[till]", "[till, desk]")
    (small.root / "desk/nexus_till/__init__.py").write_text("(\n")
    stack = small.stack()
    ends = await build_all(engine, stack, stack.services)
    assert {type(end).__name__ for end in ends} == {"Built", "BuildError"}
    assert len(small.images()) == 1


async def test_an_absent_lock_is_named_before_anything_is_begun(small: House) -> None:
    change(small.root / "nexus.yaml", "bricks:", "shared: {python: [locks/modules.lock]}\nbricks:")
    (small.root / "locks").mkdir()
    (small.root / "locks/modules.lock").write_text("")
    stack, till = small.service("till")
    (small.root / "locks/modules.lock").unlink()
    with pytest.raises(SourceError, match=r"^till: locks/modules\.lock is absent"):
        await build(Engine(), stack, till)


async def test_a_dockerfile_that_the_manifest_contradicts_is_not_used(small: House) -> None:
    small.stack()
    change(small.root / "till/module.yaml", "5001", "5009")
    stack = load_stack(small.root)
    with pytest.raises(SourceError, match="till/Dockerfile is not what its manifest says"):
        await build(Engine(), stack, stack.service("till"))


async def test_certificates_that_are_none_are_refused(small: House) -> None:
    stack, till = small.service("till")
    with pytest.raises(SourceError, match=r"nexus\.yaml holds no certificate"):
        await build(Engine(), stack, till, ca=small.root / "nexus.yaml")
    with pytest.raises(SourceError, match="none cannot be read"):
        await build(Engine(), stack, till, ca=small.root / "none")


async def test_a_push_without_a_registry_is_refused(small: House) -> None:
    stack, till = small.service("till")
    with pytest.raises(SourceError, match="a push needs a registry"):
        await build(Engine(), stack, till, push=True)


@pytest.mark.docker
async def test_an_engine_that_is_not_there_is_told(small: House, engine: Engine) -> None:
    stack, till = small.service("till")
    away = Engine(environment={**engine.environment, "DOCKER_HOST": f"unix://{small.root}/none.sock"})
    with pytest.raises(EngineError, match="no Docker engine answers"):
        await build(away, stack, till)
