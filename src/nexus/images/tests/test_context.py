"""An image of a release is built from the release, whatever the sources hold by now."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nexus.images.context import is_artefact, laid_out
from nexus.images.sources import parts, place_dockerfiles, recipe
from nexus.render.dockerfile import DOCKERFILE, IGNORE
from nexus.stack import Service, Stack, load_stack

FILES = {
    "nexus.yaml": "{name: shop, shared: {python: [lib/kit, requirements/modules.lock]}}",
    "lib/kit/shop_kit/__init__.py": "",
    "requirements/modules.lock": "",
    "modules/till/module.yaml": "{name: till, runtime: python, port: 5003}",
    "modules/till/nexus_till.py": "released = True\n",
    "modules/till/.npmrc": "registry=https://npm.example.org\n",
}


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    for name, text in FILES.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return load_stack(tmp_path / "shop")


def release(stack: Stack, service: Service, folder: Path) -> Service:
    """The service as it runs from copies below `folder`, named as releases name theirs."""
    shutil.copytree(service.folder, folder / "till")
    for path in service.shared:
        copy = shutil.copytree if path.is_dir() else shutil.copyfile
        copy(path, folder / path.name)
    return service.made_of(folder / "till", tuple(folder / path.name for path in service.shared))


@pytest.mark.parametrize("home", [".nexus/releases", "../elsewhere"])
def test_the_parts_of_a_release_lie_where_the_dockerfile_looks_for_them(stack: Stack, home: str) -> None:
    place_dockerfiles(stack)
    stack = load_stack(stack.root)
    service = stack.service("till")
    there = release(stack, service, (stack.root / home / "x").resolve())
    assert (is_artefact(stack, service), is_artefact(stack, there)) == (False, True)
    (service.folder / "nexus_till.py").write_text("released = False\n")
    with recipe(stack, there) as found:
        assert found.dockerfile == found.context / "modules/till" / DOCKERFILE
        assert (found.context / "modules/till/nexus_till.py").read_text() == "released = True\n"
        assert (found.context / "requirements/modules.lock").exists()
        assert (found.context / "lib/kit/shop_kit/__init__.py").exists()
        assert (found.context / "modules/till/.npmrc").exists()
        assert found.dockerfile.read_text() == (service.folder / DOCKERFILE).read_text()
    assert not found.context.exists()
    assert list(parts(stack, there)) == ["modules/till", "lib/kit", "requirements/modules.lock"]


def test_a_release_made_without_a_dockerfile_gets_the_rendered_one(stack: Stack, tmp_path: Path) -> None:
    there = release(stack, stack.service("till"), tmp_path / "release")
    with laid_out(stack, there) as root:
        text = (root / "modules/till" / DOCKERFILE).read_text()
        assert (root / "modules/till" / IGNORE).exists()
    place_dockerfiles(stack)
    assert text == (stack.service("till").folder / DOCKERFILE).read_text()
