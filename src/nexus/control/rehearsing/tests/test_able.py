"""What a machine that runs containers need not have says nothing of a schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.control.rehearsing.able import imaged, unable
from nexus.releases.artefact import snapshot
from nexus.runtimes.home import Home
from nexus.stack import Stack, load_stack

FILES = {
    "nexus.yaml": "name: shop\nbricks: ['*']\n",
    "till/module.yaml": "{name: till, runtime: command, command: [sleep, '60'], port: 5003}",
    "desk/module.yaml": "{name: desk, runtime: node, command: [node, desk.js], port: 5004}",
    "desk/package.json": '{"name": "desk", "version": "1.0.0"}',
    "desk/package-lock.json": '{"name": "desk", "version": "1.0.0", "lockfileVersion": 3, "packages": {}}',
    "bell/module.yaml": "{name: bell, runtime: command, command: [sleep, '60'], port: 5005,"
    " needs: {hard: [desk]}}",
    "kiosk/module.yaml": "{name: kiosk, runtime: image, image: 'kiosk:1', port: 5006}",
}


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    for name, text in FILES.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return load_stack(tmp_path / "shop")


async def test_what_cannot_be_made_ready_here_is_left_out_with_who_needs_it(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home.at(tmp_path / "home")
    releases = [snapshot(stack, service, home, "ana") for service in stack.of_kind("module")]
    monkeypatch.setenv("PATH", str(tmp_path))  # a machine without Node.js
    found = await unable(stack, home, releases)
    assert found.keys() == {"desk", "bell", "kiosk"}
    assert "desk runs on Node.js, which is not on PATH" in found["desk"]
    assert found["bell"] == "it needs desk, which cannot be started here"
    assert found["kiosk"] == "it runs from an image"


def test_what_has_no_program_is_told_by_the_manifests_alone(stack: Stack) -> None:
    assert list(imaged(stack)) == ["kiosk"]
