"""Each rule is shown a project that breaks it, at an exact place, and a neighbour that does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nexus.audit import audit
from nexus.audit.linters import LINTERS
from nexus.audit.registry import all_rules

CASES = Path(__file__).parent / "cases"
# Written in two pieces, so that nothing takes these for live keys.
TOKENS = {"@@AWS@@": "AKIA" + "QX7LPK2VN4TRW8ZB", "@@AWS_EXAMPLE@@": "AKIA" + "IOSFODNN7EXAMPLE"}


@dataclass(frozen=True)
class Case:
    """A small project and the places where one rule must speak; none for a good neighbour."""

    rule: str
    places: tuple[str, ...]
    files: dict[str, str]
    at: str


def read_cases(path: Path) -> Iterator[Case]:
    text = path.read_text()
    for number, part in enumerate(("\n" + text).split("\n=== ")[1:], 1):
        head, *blocks = part.split("\n@ ")
        rule, kind, *places = head.split()
        assert (kind == "bad") == bool(places), head
        files = {}
        for block in blocks:
            name, _, body = block.partition("\n")
            for mark, token in TOKENS.items():
                body = body.replace(mark, token)
            files[name] = body.rstrip("\n") + "\n"
        yield Case(rule, tuple(places), files, f"{path.stem}-{number}-{rule}-{kind}")


ALL = [case for path in sorted(CASES.glob("*.txt")) for case in read_cases(path)]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.at)
def test_a_rule_speaks_exactly_where_it_is_broken(
    case: Case, write: Callable[[dict[str, str]], Path]
) -> None:
    report = audit(write(case.files))
    assert report.unreadable == ()
    found = [f"{each.file}:{each.line}" for each in report.findings if each.rule.id == case.rule]
    assert sorted(found) == sorted(case.places)


@pytest.mark.parametrize("rule", [rule.facts.id for rule in all_rules()])
def test_every_rule_has_a_bad_example_and_a_good_neighbour(rule: str) -> None:
    kinds = {bool(case.places) for case in ALL if case.rule == rule}
    assert kinds == {True, False}


def test_every_case_names_a_rule() -> None:
    known = {rule.facts.id for rule in all_rules()} | {
        facts.id for linter in LINTERS for facts in linter.facts().values()
    }
    assert {case.rule for case in ALL} <= known
