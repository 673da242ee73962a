"""A full disk under the data: services say so, nothing is corrupted, all goes on when there is room."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from nexus.testing import ThrowawayStack, eventually, throwaway_stack

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


def _fill(folder: Path) -> Path:
    """A file that takes the last byte of the file system."""
    ballast = folder / "ballast"
    for chunk in (1 << 20, 1 << 12, 1):
        with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(chunk)) == chunk:
                continue
    return ballast


async def _post_order(stack: ThrowawayStack, key: str) -> tuple[int, dict[str, object]]:
    base = stack.address("nginx")
    body = {"email": "admin@nexus.local", "password": stack.admin_password()}
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{base}/api/auth/login", json=body) as answer:
            if answer.status != 200:
                return answer.status, await answer.json()
            token = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        product = {"sku": key, "name": key, "unit": "un", "list_price": "1.00"}
        async with http.post(f"{base}/api/inventory/products", json=product, headers=headers) as answer:
            return answer.status, await answer.json()


async def test_a_full_disk_is_said_and_survived(small_disk: Path) -> None:
    with throwaway_stack(home=small_disk / "home-of-nexus", start=False) as stack:
        stack.up()
        stack.nexus("simulate", "--orders", "20")
        ballast = _fill(small_disk)
        statuses = []
        for number in range(40):
            status, problem = await _post_order(stack, f"full-{number}")
            statuses.append(status)
            if status >= 500:
                assert problem["status"] == status, "the refusal is a problem document"
                break
        assert statuses[-1] in (503, 507), statuses
        ballast.unlink()
        eventually(lambda: stack.status()["ready"], within=60, every=0.5)
        status, _ = await _post_order(stack, f"full-{len(statuses) - 1}")  # the refused one, tried again
        assert status == 201
        report = json.loads(stack.nexus("simulate", "--orders", "20", "--json"))
        assert report["orders"]["failed"] == 0
        assert json.loads(stack.nexus("check", "--json"))["ok"]
        ballast = _fill(small_disk)
        stack.nexus("down")  # an operator can always take it down
        ballast.unlink()
        stack.up()
        assert json.loads(stack.nexus("check", "--json"))["ok"]
