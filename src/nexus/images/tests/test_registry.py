"""Images reach a registry once."""

from __future__ import annotations

import pytest

from nexus.images import build, built
from nexus.images.tests.conftest import House, docker
from nexus.runtimes.containers.engine import Engine, EngineError

pytestmark = pytest.mark.docker


async def test_an_image_is_sent_once_and_known_from_the_registry(
    engine: Engine, small: House, registry: str
) -> None:
    stack, till = small.service("till")
    assert await built(engine, stack, [till], registry) == set()
    first = await build(engine, stack, till, registry, push=True)
    assert (first.state, str(first.reference)) == ("built", f"{registry}/{small.name}/till:{till.release}")
    assert await built(engine, stack, [till], registry) == {"till"}
    docker("image", "rm", str(first.reference))
    again = await build(engine, stack, till, registry, push=True)
    assert (again.state, again.size) == ("present", 0)


async def test_what_was_built_before_only_has_to_be_sent(engine: Engine, small: House, registry: str) -> None:
    stack, till = small.service("till")
    assert (await build(engine, stack, till, registry)).state == "built"
    assert await built(engine, stack, [till], registry) == set()
    assert (await build(engine, stack, till, registry, push=True)).state == "pushed"
    assert await built(engine, stack, [till], registry) == {"till"}


async def test_a_registry_that_does_not_answer_is_told(engine: Engine, small: House) -> None:
    stack, till = small.service("till")
    with pytest.raises(EngineError, match=r"the registry of 127\.0\.0\.1:1/.* cannot be asked"):
        await built(engine, stack, [till], "127.0.0.1:1")
