"""Tests that need what a machine may lack are skipped, with the reason told: `docker`, `swarm`.

So are those that take long to say once more what others say (`soak`), unless `--soak` asks for them.
"""

from __future__ import annotations

import subprocess
from functools import cache

import pytest

NODES = 3


@cache
def _docker_is_missing() -> str:
    try:
        done = subprocess.run(["docker", "version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no Docker engine: {error}"
    return "" if done.returncode == 0 else f"no Docker engine: {done.stderr.strip().splitlines()[-1]}"


@cache
def _swarm_is_missing() -> str:
    if _docker_is_missing():
        return _docker_is_missing()
    nodes = subprocess.run(["docker", "node", "ls", "-q"], capture_output=True, text=True, check=False)
    count = len(nodes.stdout.split())
    return "" if count >= NODES else f"a Swarm of {NODES} nodes is needed, here are {count}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Have long tests asked for."""
    parser.addoption("--soak", action="store_true", help="run the tests that take long, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, and what takes long where it was not asked for."""
    for item in items:
        if item.get_closest_marker("soak") and not config.getoption("--soak"):
            item.add_marker(pytest.mark.skip(reason="takes long: ./nexus test --soak"))
        for mark, missing in (("docker", _docker_is_missing), ("swarm", _swarm_is_missing)):
            if item.get_closest_marker(mark) and missing():
                item.add_marker(pytest.mark.skip(reason=missing()))
