"""A program's version tells releases of infrastructure apart."""

from pathlib import Path

import pytest

from nexus.runtimes.process import versions
from nexus.stack import load_stack
from nexus.stack.manifest import ServiceManifest

STACK = """\
name: shop
infrastructure:
  db: {kind: database, runtime: postgres, port: 5433}
  store: {kind: cache, runtime: valkey, port: 6379}
  gate: {kind: gateway, runtime: haproxy, port: 9000, version: "7"}
"""


def test_another_program_is_another_release_and_what_is_kept_of_it_tells_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nexus.yaml").write_text(STACK)
    sources = load_stack(tmp_path)
    found = []
    for number in ("9.0", "9.1"):
        monkeypatch.setattr(versions, "_installed", lambda name, number=number: number if name else "")
        found.append(versions.versioned(sources))
    before, after = found
    assert before.service("store").release != after.service("store").release
    assert after.service("store").version == "9.1"
    kept = ServiceManifest.model_validate_json(after.service("store").declared)
    assert kept.version == "9.1"
    assert [sources.service(name).release for name in ("db", "gate")] == [
        after.service(name).release for name in ("db", "gate")
    ]


def test_the_installed_programs_have_versions(tmp_path: Path) -> None:
    (tmp_path / "nexus.yaml").write_text(STACK)
    assert versions.versioned(load_stack(tmp_path)).service("store").version
