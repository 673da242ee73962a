"""Modules are bricks: any subset the hard needs allow runs, a new folder joins, instances multiply."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from nexus.testing import ThrowawayStack, copied_root, eventually, throwaway_stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

BRICK = """\
name: notes
title: {en: Notes, pt-BR: Notas}
runtime: python
port: 5010
needs: {hard: [auth]}
routes: [/api/notes]
"""
CODE = '''\
"""A brick of one endpoint."""
from typing import Annotated

from fastapi import Depends

from nexus_kit import Module, Principal, require

module = Module("notes")


@module.app.get("/api/notes")
async def notes(who: Annotated[Principal, Depends(require("notes.read"))]) -> dict[str, str]:
    return {"company": str(who.company_id)}


if __name__ == "__main__":
    module.run()
'''


@pytest.fixture
def root() -> Iterator[Path]:
    """A copy of the manifests and code, to be changed at will."""
    with copied_root() as folder:
        yield folder


def _switch_off(root: Path, *names: str) -> None:
    text = (root / "nexus.yaml").read_text()
    for name in names:
        assert f"\n  {name}: on\n" in text
        text = text.replace(f"\n  {name}: on\n", f"\n  {name}: off\n")
    (root / "nexus.yaml").write_text(text)


async def _token(stack: ThrowawayStack) -> str:
    body = {"email": "admin@nexus.local", "password": stack.admin_password()}
    url = f"{stack.address('nginx')}/api/auth/login"
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as answer:
        assert answer.status == 200, await answer.text()
        return str((await answer.json())["access_token"])


async def _get(stack: ThrowawayStack, path: str, token: str) -> int:
    url = f"{stack.address('nginx')}{path}"
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize(
    ("off", "answers", "absent"),
    [
        (("crm", "sales", "financial"), "/api/inventory/products", "/api/crm/customers"),
        (("financial",), "/api/sales/orders", "/api/financial/invoices"),
    ],
    ids=["a stock system", "sales without the ledger"],
)
async def test_a_subset_of_the_modules_is_a_working_system(
    root: Path, off: tuple[str, ...], answers: str, absent: str
) -> None:
    _switch_off(root, *off)
    with throwaway_stack(root=root, start=False) as stack:
        plan = stack.nexus("up", "--port-offset", str(stack.offset), "--plan")
        assert off[0] in plan, "the plan says what will be missing"
        stack.up()
        status = stack.status()
        assert status["ready"]
        assert not {service["name"] for service in status["services"]} & set(off)
        token = await _token(stack)
        assert await _get(stack, answers, token) == 200
        assert await _get(stack, absent, token) in (404, 503)
        assert json.loads(stack.nexus("check", "--json"))["ok"]


def test_a_subset_without_a_hard_need_is_refused_and_nothing_starts(root: Path) -> None:
    _switch_off(root, "auth")
    with throwaway_stack(root=root, offset=22_000, start=False) as stack:
        done = stack.run("up", "--port-offset", str(stack.offset))
        assert done.returncode == 2
        assert "auth" in done.stderr + done.stdout
        assert not (stack.home / "data").exists()


async def test_a_folder_with_a_manifest_adds_a_brick_and_two_instances_share_a_port(root: Path) -> None:
    (root / "modules" / "notes" / "nexus_notes").mkdir(parents=True)
    (root / "modules" / "notes" / "module.yaml").write_text(BRICK)
    (root / "modules" / "notes" / "nexus_notes" / "__init__.py").write_text("")
    (root / "modules" / "notes" / "nexus_notes" / "__main__.py").write_text(CODE)
    manifest = root / "modules" / "crm" / "module.yaml"
    text = manifest.read_text()
    assert "min: 1" in text
    manifest.write_text(text.replace("min: 1", "min: 2"))
    with throwaway_stack(root=root) as stack:
        token = await _token(stack)
        assert await _get(stack, "/api/notes", token) == 200
        instances = stack.service("crm")["instances"]
        assert len(instances) == 2
        assert len({instance["address"] for instance in instances}) == 2
        os.kill(instances[0]["pid"], signal.SIGKILL)  # the other one goes on answering
        statuses = [await _get(stack, "/api/crm/customers", token) for _ in range(40)]
        assert statuses == [200] * 40
        eventually(lambda: stack.service("crm")["state"] == "ready", within=60)
