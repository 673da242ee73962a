from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a stack: `nexus.yaml` first, then each brick's manifest by name; return its root."""

    def build(stack: str, **bricks: str) -> Path:
        (tmp_path / "nexus.yaml").write_text(dedent(stack).lstrip("\n"), encoding="utf-8")
        for name, text in bricks.items():
            folder = tmp_path / "modules" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "module.yaml").write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return tmp_path

    return build
