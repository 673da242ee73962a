"""Rehearsals speak the operator's language."""

from __future__ import annotations

from pathlib import Path

from nexus.cli.catalogue import PT_BR
from nexus.cli.tests.test_cli import texts
from nexus.control import rehearsing as of_stacks
from nexus.migrations import rehearsing as of_plans


def test_all_that_a_rehearsal_says_is_translated() -> None:
    folders = [Path(str(each.__file__)).parent for each in (of_stacks, of_plans)]
    files = sorted(file for folder in folders for file in folder.glob("*.py"))
    said, written = texts(files, "Sentence"), texts(files, "t")
    assert len(said) > 8
    assert len(written) > 8
    assert sorted((said | written) - PT_BR.keys()) == []
