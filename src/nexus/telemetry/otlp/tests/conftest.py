from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.telemetry.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "telemetry")
    yield opened
    opened.close()
