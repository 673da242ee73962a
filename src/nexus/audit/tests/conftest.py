import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECTS = Path(__file__).parent / "projects"


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    """A copy of one of the example projects; their .gitignore is named gitignore here."""

    def copy(name: str) -> Path:
        root = tmp_path / name
        shutil.copytree(PROJECTS / name, root)
        for file in root.rglob("gitignore"):
            file.rename(file.with_name(".gitignore"))
        return root

    return copy


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """A project of the given files."""

    def build(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return build
