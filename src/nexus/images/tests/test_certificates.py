"""Behind a proxy that signs with its own authority: builds trust it, and no image ever shows it."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator

import pytest

from nexus.images import BuildError, build
from nexus.images.tests.company import Index, index_of_a_company
from nexus.images.tests.conftest import House, docker
from nexus.runtimes.containers.engine import Engine

pytestmark = pytest.mark.docker


@pytest.fixture
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with index_of_a_company(tmp_path_factory.mktemp("index")) as made:
        yield made


@pytest.fixture
def base(index: Index, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A base image whose pip asks that index."""
    tag = f"nexus-test-base:{tmp_path_factory.mktemp('x').stat().st_ino}"
    text = f"FROM python:3.11-slim-bookworm\nENV PIP_INDEX_URL={index.url}/simple PIP_RETRIES=0\n"
    subprocess.run(["docker", "build", "--quiet", "--tag", tag, "-"], input=text.encode(), check=True)
    yield tag
    docker("image", "rm", tag)


async def test_builds_trust_the_given_authority_and_images_never_show_it(
    engine: Engine, small: House, index: Index, base: str
) -> None:
    (small.root / "modules.lock").write_text(f"tiny==1.0 --hash=sha256:{index.digest}\n")
    (small.root / "nexus.yaml").write_text(
        f"name: {small.name}\nbricks: [till]\nshared: {{python: [modules.lock]}}\n"
    )
    with (small.root / "till/module.yaml").open("a") as manifest:
        manifest.write(f"image: {base}\n")
    (small.root / "till/nexus_till/__main__.py").write_text("import tiny; print(tiny.WORD)\n")
    stack, till = small.service("till")
    with pytest.raises(BuildError, match="certificate verify failed"):
        await build(engine, stack, till)
    made = await build(engine, stack, till, ca=index.authority)
    assert docker("run", "--rm", str(made.reference)) == "trusted"
    assert_hidden(index, str(made.reference), b"WORD = 'trusted'")


async def test_npm_trusts_it_too(engine: Engine, small: House, index: Index) -> None:
    folder = small.root / "board"
    folder.mkdir()
    (small.root / "nexus.yaml").write_text(f"name: {small.name}\nbricks: [board]\n")
    (folder / "module.yaml").write_text("name: board\nruntime: node\ncommand: [node, main.js]\nport: 5002\n")
    about = {"name": "board", "version": "1.0.0", "dependencies": {"tiny": "1.0.0"}}
    (folder / "package.json").write_text(json.dumps(about))
    packages = {"": about, "node_modules/tiny": {"version": "1.0.0"}}
    lock = {"name": "board", "version": "1.0.0", "lockfileVersion": 3, "packages": packages}
    (folder / "package-lock.json").write_text(json.dumps(lock))
    (folder / ".npmrc").write_text(f"registry={index.url}/\nfetch-retries=0\n")
    (folder / "main.js").write_text("console.log(require('tiny'));\n")
    stack, board = small.service("board")
    with pytest.raises(BuildError, match="self-signed certificate"):
        await build(engine, stack, board)
    made = await build(engine, stack, board, ca=index.authority)
    assert docker("run", "--rm", str(made.reference)) == "trusted"
    assert_hidden(index, str(made.reference), b"module.exports = 'trusted'")


def assert_hidden(index: Index, image: str, shown: bytes) -> None:
    """Nothing of the authority is in an image; `shown` is, which proves that its layers lie open here."""
    saved = subprocess.run(["docker", "save", image], capture_output=True, check=True).stdout
    assert shown in saved
    lines = index.authority.read_text().splitlines()[1:-1]
    assert not any(line.encode() in saved for line in lines)
    assert base64.b64decode("".join(lines)) not in saved
    assert b"Made-up Company Authority" not in saved
    history = docker("history", "--no-trunc", "--format", "{{json .}}", image)
    config = json.dumps(json.loads(docker("image", "inspect", image)))
    assert str(index.authority) not in history + config
