"""One shop for all tests of the folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nexus.recovery.backups.tests.shop import Shop, shop


@pytest.fixture(scope="package")
def living() -> Iterator[Shop]:
    """It is open: whoever stops it starts it again."""
    with shop() as found:
        yield found
