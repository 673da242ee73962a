"""A full disk under the data: services say so, nothing is corrupted, all goes on when there is room."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from nexus.testing import ThrowawayStack, eventually, throwaway_stack

BALLAST = "ballast"
MOST = 2000  # products, far more than fit into the WAL that is there

pytestmark = [
    pytest.mark.stack,
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root"),
]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 400 MB."""
    folder = Path(tempfile.mkdtemp(prefix="nexus-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "nexus-test", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        folder.rmdir()
        pytest.skip("this machine forbids mounting")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


def _fill(folder: Path) -> None:
    """Has a file take the last byte of the file system."""
    ballast = folder / BALLAST
    for chunk in (1 << 20, 1 << 12, 1):
        with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(chunk)) == chunk:
                continue


@asynccontextmanager
async def _administrator(stack: ThrowawayStack) -> AsyncIterator[aiohttp.ClientSession]:
    body = {"email": "admin@nexus.local", "password": stack.admin_password()}
    base = stack.address("nginx")
    async with aiohttp.ClientSession(base) as http:
        async with http.post("/api/auth/login", json=body) as answer:
            assert answer.status == 200, await answer.text()
            token = (await answer.json())["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield http


async def _new_product(http: aiohttp.ClientSession, key: str) -> tuple[int, dict[str, object]]:
    product = {"sku": key, "name": key, "unit": "un", "list_price": "1.00"}
    headers = {"Idempotency-Key": key}
    async with http.post("/api/inventory/products", json=product, headers=headers) as answer:
        return answer.status, await answer.json()


async def _refused(http: aiohttp.ClientSession, disk: Path) -> tuple[str, int, dict[str, object]]:
    """Fills the disk again and again, for what is taken away makes room, until something is refused: which
    product, and how. PostgreSQL has room of its own within its files.
    """
    for number in range(MOST):
        _fill(disk)
        status, problem = await _new_product(http, key := f"full-{number}")
        if status != 201:
            return key, status, problem
    raise AssertionError(f"{MOST} products found room on a full disk")


async def test_a_full_disk_is_said_and_survived(small_disk: Path) -> None:
    with throwaway_stack(home=small_disk / "home-of-nexus", start=False) as stack:
        stack.up()
        stack.nexus("simulate", "--orders", "20")
        async with _administrator(stack) as http:
            key, status, problem = await _refused(http, small_disk)
            assert status in (503, 507), problem
            assert problem["status"] == status, "the refusal is a problem document"
            ballast = small_disk / BALLAST
            ballast.unlink()
            eventually(lambda: stack.status()["ready"], within=60, every=0.5)
            assert (await _new_product(http, key))[0] == 201  # the refused one, tried again
        report = json.loads(stack.nexus("simulate", "--orders", "20", "--json"))
        assert report["orders"]["failed"] == 0
        assert json.loads(stack.nexus("check", "--json"))["ok"]
        _fill(small_disk)
        stack.nexus("down")  # an operator can always take it down
        ballast.unlink()
        stack.up()
        assert json.loads(stack.nexus("check", "--json"))["ok"]
