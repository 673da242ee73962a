from __future__ import annotations

import json
import random
import shutil
import subprocess

import pytest

from nexus.migrations.reading.order import by_locale, by_number, version_of

_ALPHABET = "abzABZ0189____--.. " + "áàâãäåçéêíñóôõöúüÁÀÂÃÄÅÇÉÊÍÑÓÔÕÖÚÜ" + "æÆœŒßøØłŁđĐąęşțāșžřńőě" + "+()@#"
_SORT = """
const names = JSON.parse(require("fs").readFileSync(0, "utf-8"));
console.log(JSON.stringify(names.sort((a, b) => a.localeCompare(b))));
"""


def javascript(names: list[str]) -> list[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the order cannot be compared with JavaScript's")
    ran = subprocess.run(
        [node, "-e", _SORT], input=json.dumps(names), capture_output=True, text=True, check=True, timeout=60
    )
    sorted_names: list[str] = json.loads(ran.stdout)
    return sorted_names


def test_names_are_sorted_as_javascript_sorts_them() -> None:
    chance = random.Random(20260101)
    names = {"".join(chance.choices(_ALPHABET, k=chance.randint(1, 9))) for _ in range(20_000)}
    names |= {f"2026010100{chance.randint(0, 99):02}00_{name}" for name in list(names)[:5_000]}
    ours, theirs = sorted(names, key=by_locale), javascript(sorted(names))
    assert [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]][:5] == []


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["a", "A", "b", "B"], "case counts least"),
        (["init", "Init_2", "init_3"], "case counts less than what follows"),
        (["20260101_a", "20260101-a", "20260101.a", "202601010_a"], "signs come before digits"),
        (["acao", "ação", "acaz"], "accents count less than letters"),
        (["1_a", "10_a", "2_a"], "digits are no numbers"),
    ],
)
def test_what_counts_more(names: list[str], why: str) -> None:
    assert sorted(set(names), key=by_locale) == names, why


def test_versions_are_numbers() -> None:
    names = ["V1__a", "V1.1__b", "V1.9__c", "V1_10__d", "V2__e", "V10__f"]
    assert sorted(set(names), key=by_number) == names
    assert sorted(["010_b", "2_a", "extra"], key=by_number) == ["2_a", "010_b", "extra"]
    assert version_of("V1.0__a") == version_of("V1__b") == (1,)
    assert version_of("name") is None
