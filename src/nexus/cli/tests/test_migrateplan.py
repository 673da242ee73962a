"""A plan of migrations in the operator's language: its frame, its fixed sentences, its numbers."""

from __future__ import annotations

import re
from pathlib import Path

from nexus.cli.catalogue import PT_BR
from nexus.cli.tests.test_cli import texts
from nexus.migrations.planning import plan
from nexus.migrations.planning.printed import __file__ as printed
from nexus.migrations.planning.tests.test_printed import FACTS


def portuguese(text: str, **values: object) -> str:
    found = PT_BR.get(text, text)
    return found.format(**values) if values else found


def test_a_plan_is_told_in_portuguese_with_portuguese_numbers() -> None:
    told = plan(FACTS).text(portuguese)
    assert re.search(r"^migrate: 3 migrações em 2 módulos, ", told)
    assert "1,2 GB, 5.000.000 linhas" in told
    assert "(5.000 linhas por vez)" in told
    assert "bloqueia leituras e escritas" in told
    assert "recusado:\n  ensaio: exatamente este plano não foi ensaiado com sucesso" in told
    assert not re.search(r"\b(because|blocks|later|refused|risk|first|mend)\b", told)


def test_every_text_of_the_frame_is_translated() -> None:
    said = texts([Path(printed)], "t")
    assert len(said) > 15
    assert sorted(said - PT_BR.keys()) == []
