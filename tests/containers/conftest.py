"""The ERP on Compose, for the tests that look at what the engine was told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nexus.testing import ThrowawayStack, throwaway_stack


@pytest.fixture(scope="package")
def erp() -> Iterator[ThrowawayStack]:
    with throwaway_stack(where=("--runtime", "compose")) as stack:
        yield stack
