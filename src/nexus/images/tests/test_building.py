"""Images are built once per release, share their layers, and are as small as was promised."""

from __future__ import annotations

import json

import pytest

from nexus.images import BuildError, build, built, image_of
from nexus.images.inventory import shown
from nexus.images.planning import plan
from nexus.images.tests.conftest import House, docker
from nexus.render.dockerfile import BASES
from nexus.runtimes.containers.engine import Engine

pytestmark = pytest.mark.docker
FLOOR = 60_000_000


def layers(reference: object) -> list[str]:
    return list(json.loads(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", str(reference))))


async def test_a_release_is_built_once(engine: Engine, small: House) -> None:
    stack, till = small.service("till")
    assert await built(engine, stack, [till]) == set()
    first = await build(engine, stack, till)
    assert (first.state, str(first.reference)) == ("built", f"{small.name}/till:{till.release}")
    assert await built(engine, stack, [till]) == {"till"}
    assert (await build(engine, stack, till)).state == "present"
    assert docker("run", "--rm", str(first.reference)) == "sold"


async def test_bricks_share_all_layers_but_their_own_and_stay_under_the_floor(
    engine: Engine, erp: House
) -> None:
    stack = erp.stack()
    bricks = [stack.service(name) for name in ("crm", "users")]
    for brick in bricks:
        await build(engine, stack, brick)
    crm, users = (layers(image_of(stack, brick)) for brick in bricks)
    assert crm[:-1] == users[:-1]
    assert crm[-1] != users[-1]
    assert crm[: len(layers(BASES["python"]))] == layers(BASES["python"])
    rows = {row.service: row for row in await shown(engine, stack)}
    for name in ("crm", "users"):
        assert 0 < (rows[name].above_base or 0) <= FLOOR
        assert rows[name].shared_layers == len(crm) - 1
    assert rows["auth"].stored is None


async def test_a_changed_line_sends_one_small_layer_and_its_cause_is_known(
    engine: Engine, erp: House
) -> None:
    stack, crm = erp.service("crm")
    before = layers((await build(engine, stack, crm)).reference)
    with (erp.root / "modules/crm/nexus_crm/__init__.py").open("a") as code:
        code.write("CHANGED = True\n")
    stack, crm = erp.service("crm")
    (planned,) = await plan(engine, stack, [crm])
    assert (planned.present, planned.changed) == (False, ("modules/crm",))
    after = layers((await build(engine, stack, crm)).reference)
    assert [layer for layer in after if layer not in before] == after[-1:]
    history = docker(
        "history", "--format", "{{.Size}} {{.CreatedBy}}", "--human=false", str(planned.reference)
    )
    (size,) = [int(line.split()[0]) for line in history.splitlines() if "COPY /opt/nexus/modules/crm" in line]
    assert size < 1_000_000


async def test_tests_and_documents_are_no_new_release(erp: House) -> None:
    before = erp.service("crm")[1].release
    (erp.root / "modules/crm/README.md").write_text("# CRM\n")
    (erp.root / "modules/crm/tests").mkdir()
    (erp.root / "modules/crm/tests/test_x.py").write_text("")
    assert erp.service("crm")[1].release == before


@pytest.mark.parametrize(
    "path",
    [
        "kit/nexus_kit/ids.py",
        "requirements/modules.lock",
        "modules/crm/migrations/migration_lock.toml",
        "modules/crm/Dockerfile",
    ],
)
async def test_everything_that_goes_into_an_image_is_part_of_its_release(erp: House, path: str) -> None:
    before = erp.service("crm")[1].release
    file = erp.root / path
    text = file.read_text()
    file.write_text(f"# own\n{text}" if path.endswith("Dockerfile") else f"{text}\n# changed\n")
    assert erp.service("crm")[1].release != before


async def test_an_image_never_holds_other_files_than_its_tag_says(engine: Engine, small: House) -> None:
    stack, till = small.service("till")
    assert till.release
    (small.root / "till/nexus_till/__main__.py").write_text("print('given away')\n")
    with pytest.raises(BuildError, match="changed after the stack was read"):
        await build(engine, stack, till)
    assert small.images() == []


async def test_a_dockerfile_of_ones_own_is_used_as_it_is(engine: Engine, small: House) -> None:
    own = 'FROM python:3.11-slim-bookworm\nCMD ["echo", "mine"]\n'
    (small.root / "till/Dockerfile").write_text(own)
    stack, till = small.service("till")
    assert (small.root / "till/Dockerfile").read_text() == own
    made = await build(engine, stack, till)
    assert docker("run", "--rm", str(made.reference)) == "mine"
    assert docker("image", "ls", "--quiet", "--no-trunc", str(made.reference)) in small.images()
