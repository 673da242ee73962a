"""What the restoring engine tells an operator, it tells in Brazilian Portuguese too."""

from __future__ import annotations

import ast
from pathlib import Path

from nexus.cli.catalogue import PT_BR
from nexus.recovery import restoring


def test_every_sentence_of_a_restore_is_translated() -> None:
    told: set[str] = set()
    for file in Path(str(restoring.__file__)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Sentence":
                text = node.args[0]
                assert isinstance(text, ast.Constant), (
                    f"{file.name}:{node.lineno} says what nobody can look up"
                )
                told.add(str(text.value))
    assert len(told) > 12
    assert sorted(told - PT_BR.keys()) == []
