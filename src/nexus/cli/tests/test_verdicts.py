"""Verdicts in the operator's language."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from nexus.cli.catalogue_guard import PT_BR
from nexus.cli.verdicts import verdict
from nexus.control.deploying.evidence import gathering
from nexus.releases.guard import Evidence, Guard, Side, business, guard, requests, resources
from nexus.releases.guard import verdict as verdicts

BAD = Evidence("sales", "beside", 5, Side(requests=950), Side(requests=50, errors=9))


def _texts(module: ModuleType) -> set[str]:
    return {value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


def test_everything_that_the_guard_says_is_translated() -> None:
    modules = (verdicts, guard, requests, resources, business, gathering)
    assert set[str]().union(*map(_texts, modules)) == PT_BR.keys()


@pytest.mark.parametrize(
    ("spoken", "said"),
    [
        (
            "pt-BR",
            "sales está pior do que antes: 9 de 50 requisições falharam (18.0%); do outro lado, 0 de 950"
            " (0.0%)",
        ),
        (
            "en",
            "sales is worse than before: 9 of 50 requests failed (18.0%), on the other side 0 of 950 (0.0%)",
        ),
    ],
)
def test_a_verdict_is_told_in_the_operators_language(
    spoken: str, said: str, spoken_by: Callable[[str], None]
) -> None:
    spoken_by(spoken)
    assert verdict(Guard().judge(BAD, 1, 10, 300).as_dict()) == said
