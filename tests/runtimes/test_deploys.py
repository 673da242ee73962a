"""What every runtime promises of releases: on real processes, real Docker and a real Swarm."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from nexus.testing import ThrowawayStack, throwaway_stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]

TILL = Path(__file__).parent / "till"
CLIENTS = 4
PAUSE = 0.01  # seconds between two requests of a client


@pytest.fixture(
    scope="module",
    params=[
        # src/nexus/control/tests/test_deploying.py asks the same of plain processes.
        pytest.param("process", marks=pytest.mark.soak),
        pytest.param("compose", marks=pytest.mark.docker),
        pytest.param("swarm", marks=[pytest.mark.docker, pytest.mark.swarm]),
    ],
)
def stack(request: pytest.FixtureRequest, where: Mapping[str, tuple[str, ...]]) -> Iterator[ThrowawayStack]:
    """A running stack of one brick behind a gateway, from a folder that tests may change."""
    folder = Path(tempfile.mkdtemp(prefix="nexus-till-"))
    folder.chmod(0o755)
    shutil.copytree(TILL, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    with throwaway_stack(root=folder, where=where[request.param]) as running:
        yield running
    shutil.rmtree(folder)


def _change(stack: ThrowawayStack, **constants: object) -> None:
    """Gives the sources of the brick other constants."""
    file = stack.root / "till" / "till" / "__main__.py"
    lines = file.read_text().splitlines()
    for name, value in constants.items():
        at = next(index for index, line in enumerate(lines) if line.startswith(f"{name} = "))
        lines[at] = f"{name} = {value!r}"
    file.write_text("\n".join(lines) + "\n")


def _ask(stack: ThrowawayStack) -> dict[str, Any]:
    with urllib.request.urlopen(stack.address("till"), timeout=5) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


async def _deploy(
    stack: ThrowawayStack, *options: str
) -> tuple[subprocess.CompletedProcess[str], Counter[int], Counter[str]]:
    """`nexus deploy till` while clients ask: how it ended, statuses, and versions that answered."""
    statuses: Counter[int] = Counter()
    versions: Counter[str] = Counter()
    url = stack.address("till")
    call = ("deploy", "till", "--yes", "--hold", "500ms", "--bake", "0s", *options)
    deploying = asyncio.create_task(asyncio.to_thread(stack.run, *call))

    async def ask(http: aiohttp.ClientSession) -> None:
        while not deploying.done():
            async with http.get(url) as answer:
                statuses[answer.status] += 1
                if answer.status == 200:
                    versions[(await answer.json())["version"]] += 1
            await asyncio.sleep(PAUSE)

    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*(ask(http) for _ in range(CLIENTS)))
    return await deploying, statuses, versions


async def test_a_release_is_let_in_step_by_step_and_no_request_fails(stack: ThrowawayStack) -> None:
    abrupt = "swarm" not in stack.where  # whose managers stop containers themselves
    _change(stack, VERSION="two", ABRUPT=abrupt, WORK=0.2 if abrupt else 0.0)
    done, statuses, versions = await _deploy(stack, "--strategy", "canary", "--steps", "50,100")
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(statuses) == {200}
    assert set(versions) == {"one", "two"}
    till = stack.service("till")
    assert _ask(stack)["version"] == "two"
    assert [each["state"] for each in till["instances"]] == ["ready"]


async def test_one_takes_the_place_of_the_other_and_no_request_fails(stack: ThrowawayStack) -> None:
    _change(stack, VERSION="three")  # the former is in the middle of answers nearly always, and ends at once
    done, statuses, _ = await _deploy(stack, "--strategy", "rolling")
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(statuses) == {200}
    assert _ask(stack)["version"] == "three"


async def test_a_release_that_is_never_ready_leaves_the_old_one_serving_and_nothing_behind(
    stack: ThrowawayStack,
) -> None:
    before = stack.service("till")["instances"]
    served = _ask(stack)
    _change(stack, VERSION="four", READY=False)
    done, statuses, versions = await _deploy(stack, "--strategy", "canary")
    assert done.returncode == 1, done.stdout + done.stderr
    # Whether a foreign brick is ready, a Swarm's gateways know and its engines do not.
    said = done.stdout + done.stderr
    assert "is not ready" in said or "does not reach the new release" in said
    assert set(statuses) == {200}
    assert set(versions) == {served["version"]}
    after = stack.service("till")["instances"]
    assert [(each["id"], each["release"]) for each in after] == [(e["id"], e["release"]) for e in before]
    assert _ask(stack)["hooks"] == served["hooks"] + 1  # the hook of the new release, once
