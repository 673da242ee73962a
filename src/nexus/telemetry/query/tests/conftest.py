from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.telemetry.store import Policy, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path, Policy(reserve=0))
    yield store
    store.close()
