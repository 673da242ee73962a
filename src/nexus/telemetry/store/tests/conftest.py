from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nexus.telemetry.store import Policy, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path, Policy(reserve=0))
    yield store
    store.close()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Opens stores over one folder, each after closing the one before."""
    stores: list[Store] = []

    def opened(policy: Policy | None = None, read_only: bool = False) -> Store:
        for each in stores:
            each.close()
        stores[:] = [Store(tmp_path, policy or Policy(reserve=0), read_only)]
        return stores[0]

    yield opened
    for each in stores:
        each.close()
