"""The environment of a checkout is its own: another's, which a link leads to, is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus import environment


def test_an_environment_that_is_a_link_to_another_is_refused_and_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, here = tmp_path / "other", tmp_path / "here"
    (other / ".venv" / "bin").mkdir(parents=True)
    (other / ".venv" / "nexus.path").write_text(f"{other}\n")
    (other / ".venv" / "bin" / "python").touch()
    here.mkdir()
    (here / ".venv").symlink_to(other / ".venv")
    assert not environment.built(here, [])
    with pytest.raises(SystemExit) as ended:
        environment.build(here, [])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert f"{here / '.venv'} is a link to {other / '.venv'}" in told
    assert f"rm {here / '.venv'}" in told
    assert (other / ".venv" / "bin" / "python").exists()
    assert (other / ".venv" / "nexus.path").read_text() == f"{other}\n"


def test_an_environment_in_its_place_is_accepted(tmp_path: Path) -> None:
    environment.check_own(tmp_path / ".venv")
    (tmp_path / "checkout" / ".venv").mkdir(parents=True)
    (tmp_path / "by-link").symlink_to(tmp_path / "checkout")
    environment.check_own(tmp_path / "by-link" / ".venv")
