"""Which version is the older one."""

from __future__ import annotations

import pytest

from nexus.migrations.planning.versions import at_least

RISING = [
    "0.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
]
RISING += ["1.0", "1.0.post1", "1.0.1", "1.9", "1.10", "1.10.1rc1", "1.10.1", "2", "10.0"]


def test_versions_compare_as_semantic_versioning_and_pep_440_say() -> None:
    for number, older in enumerate(RISING):
        assert all(at_least(newer, older) for newer in RISING[number:])
        assert not any(at_least(older, newer) for newer in RISING[number + 1 :])


@pytest.mark.parametrize(("one", "other"), [("1.5", "1.5.0"), ("v1.5", "1.5"), ("1.5+build.7", "1.5")])
def test_what_is_written_otherwise_is_the_same_version(one: str, other: str) -> None:
    assert at_least(one, other)
    assert at_least(other, one)


@pytest.mark.parametrize("version", ["", "main", "c0ffee1", "1.5/x"])
def test_what_is_no_version_cannot_be_compared(version: str) -> None:
    assert at_least(version, "1.5") is None
