"""What tests of commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from nexus.cli.language import language


@pytest.fixture
def spoken_by(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Chooses the operator's language as an operator does, by NEXUS_LANG."""

    def choose(name: str) -> None:
        monkeypatch.setenv("NEXUS_LANG", name)
        language.cache_clear()

    yield choose
    language.cache_clear()
