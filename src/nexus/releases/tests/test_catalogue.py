import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.releases import Catalogue, Release, UnknownRelease
from nexus.releases import catalogue as catalogue_module
from nexus.releases.catalogue import KEPT_DEPLOYMENTS, KEPT_SETS


def release(id: str, service: str = "sales", version: str = "", built_at: float = 1.0) -> Release:
    return Release(service, id, id.partition("-")[0], version, "c0ffee", True, built_at, "ana")


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    found = Catalogue(tmp_path / "control.db", now=lambda: 5.0)
    yield found
    found.close()


def begin(catalogue: Catalogue, *services: str) -> int:
    before, after = dict.fromkeys(services, "aaaa1111"), dict.fromkeys(services, "bbbb2222")
    return catalogue.begin("deploy", services, before, after, "canary", "ana", "because", {"steps": [5]})


def test_a_release_is_known_once_and_a_new_versions_name_replaces_the_old(catalogue: Catalogue) -> None:
    catalogue.add(release("aaaa1111", version="1.0"))
    again = catalogue.add(replace(release("aaaa1111", version="1.1"), built_by="rui"))
    assert (again.version, again.built_by) == ("1.1", "ana")
    assert catalogue.add(release("aaaa1111")).version == "1.1"
    assert catalogue.of("sales") == (again,)


def test_a_release_is_found_by_id_by_its_beginning_and_by_version(catalogue: Catalogue) -> None:
    old = catalogue.add(release("aaaa1111", version="1.0", built_at=1.0))
    new = catalogue.add(release("aaaa2222", version="1.0", built_at=2.0))
    assert catalogue.find("sales", "aaaa1111") == catalogue.find("sales", "aaaa1") == old
    assert catalogue.find("sales", "1.0") == new
    assert catalogue.of() == (new, old)


def test_what_is_no_release_is_told_with_what_there_is(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownRelease, match="there are: none yet"):
        catalogue.find("sales", "1.0")
    catalogue.add(release("aaaa1111", version="1.0"))
    catalogue.add(release("aaaa2222"))
    with pytest.raises(
        UnknownRelease, match=r"beginning of several releases of sales: .*sales 1\.0 \(aaaa1111\)"
    ):
        catalogue.find("sales", "aaaa")
    for ref in ("aaa", "2.0", ""):  # three characters are too few
        with pytest.raises(UnknownRelease, match=r"there are: .*sales aaaa2222"):
            catalogue.find("sales", ref)


def test_stable_releases_change_together_and_make_a_version_of_the_whole(catalogue: Catalogue) -> None:
    for each in (release("aaaa1111"), release("bbbb2222"), release("cccc3333", "crm")):
        catalogue.add(each)
    first = catalogue.make_stable({"sales": "aaaa1111", "crm": "cccc3333"}, "first")
    second = catalogue.make_stable({"sales": "bbbb2222"}, "deploy")
    assert catalogue.make_stable({"sales": "bbbb2222"}, "again") == second
    assert catalogue.stable() == {"crm": "cccc3333", "sales": "bbbb2222"}
    assert [(each.number, dict(each.releases), each.cause) for each in catalogue.sets()] == [
        (second, {"crm": "cccc3333", "sales": "bbbb2222"}, "deploy"),
        (first, {"crm": "cccc3333", "sales": "aaaa1111"}, "first"),
    ]


def test_an_unknown_release_becomes_stable_never_and_nothing_beside_it(catalogue: Catalogue) -> None:
    catalogue.add(release("aaaa1111"))
    with pytest.raises(UnknownRelease):
        catalogue.make_stable({"sales": "aaaa1111", "crm": "dddd4444"}, "deploy")
    assert catalogue.stable() == {}


def test_the_last_healthy_release_is_the_newest_of_a_healthy_set(catalogue: Catalogue) -> None:
    for id in ("aaaa1111", "bbbb2222", "cccc3333", "dddd4444"):
        catalogue.add(release(id))
        catalogue.judge_set(catalogue.make_stable({"sales": id}, "deploy"), id != "cccc3333")
    assert catalogue.last_healthy("sales", but="dddd4444") == catalogue.find("sales", "bbbb2222")
    assert catalogue.last_healthy("crm", but="") is None


def test_a_deployment_is_unfinished_until_it_is_told_how_it_ended(catalogue: Catalogue) -> None:
    one, other = begin(catalogue, "sales", "crm"), begin(catalogue, "auth")
    catalogue.note(one, "judging", {"weight": 5})
    catalogue.note(one, "judging", {"verdict": "hold"})
    assert [each.id for each in catalogue.unfinished()] == [one, other]
    catalogue.finish(one, "promoted", "sales is promoted", {"weight": 100})
    (ended,) = catalogue.deployments("crm")
    assert (ended.services, ended.state, ended.ended_at) == (("sales", "crm"), "promoted", 5.0)
    assert ended.evidence == {"weight": 100, "verdict": "hold"}
    assert ended.request == {"steps": [5]}
    assert [each.id for each in catalogue.unfinished()] == [other]


def test_history_is_bounded_but_nothing_that_is_needed_is_forgotten(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_module, "KEPT_RELEASES", 2)
    held = begin(catalogue, "sales")
    for _ in range(KEPT_DEPLOYMENTS + 2):
        catalogue.finish(begin(catalogue, "sales"), "promoted", "", {})
    assert len(catalogue.deployments(n=1000)) == KEPT_DEPLOYMENTS + 1
    assert catalogue.unfinished()[0].id == held
    for number in range(KEPT_SETS + 3):
        catalogue.add(release(f"{number:08}", built_at=number))
        catalogue.make_stable({"sales": f"{number:08}"}, "deploy")
    assert len(catalogue.sets(1000)) == KEPT_SETS
    catalogue.add(release("newest00", built_at=9e9))
    known = {each.id for each in catalogue.of("sales")}
    assert {r for each in catalogue.sets(1000) for r in each.releases.values()} <= known
    assert "00000000" not in known


def test_a_home_that_was_moved_still_knows_its_artefacts(tmp_path: Path) -> None:
    first = Catalogue(tmp_path / "old" / "control.db")
    first.add(replace(release("aaaa1111"), folder=tmp_path / "old" / "releases" / "sales"))
    first.close()
    (tmp_path / "old").rename(tmp_path / "new")
    moved = Catalogue(tmp_path / "new" / "control.db")
    assert moved.find("sales", "aaaa1111").folder == tmp_path / "new" / "releases" / "sales"
    moved.close()


KILLED = """
import os, sys
from pathlib import Path
from nexus.releases import Catalogue, Release
store = Catalogue(Path(sys.argv[1]))
store.add(Release("sales", "aaaa1111", "aaaa1111", "", "", True, 1.0, "ana"))
store.add(Release("crm", "cccc3333", "cccc3333", "", "", True, 1.0, "ana"))
insert = store._store.insert
def die(*arguments):
    os.kill(os.getpid(), 9)
store._store.insert = die  # after `stable` was written, before the set is
store.make_stable({"sales": "aaaa1111", "crm": "cccc3333"}, "first")
"""


def test_killed_between_its_statements_a_change_leaves_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "control.db"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -9
    store = Catalogue(path)
    assert (store.stable(), store.sets()) == ({}, ())
    assert store.make_stable({"sales": "aaaa1111", "crm": "cccc3333"}, "first") == 1
    store.close()
