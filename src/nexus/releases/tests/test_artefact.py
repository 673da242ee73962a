import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nexus.releases import Release
from nexus.releases.artefact import ArtefactError, prune, restored, service_of, snapshot
from nexus.releases.artefact.copying import place_whole
from nexus.releases.artefact.pruning import KEPT
from nexus.runtimes.home import Home
from nexus.stack import Stack, load_stack

FILES = {
    "nexus.yaml": """\
name: shop
infrastructure:
  db: {kind: database, runtime: postgres, port: 5433, resources: {memory: 256M}, image: "postgres:18"}
shared: {python: [lib/kit, locks/modules.lock]}
""",
    "lib/kit/shop_kit/__init__.py": "ANSWER = 42\n",
    "locks/modules.lock": "",
    "modules/till/module.yaml": """\
{name: till, runtime: python, port: 5003, version: "1.5", needs: {hard: [db]}, database: {schema: till},
 kpis: [{name: sold, unit: count, better: higher, sql: kpis/sold.sql}]}
""",
    "modules/till/kpis/sold.sql": "SELECT 1 AS value",
    "modules/till/invariants/one.sql": "SELECT 1 WHERE false",
    "modules/till/migrations/1_first/migration.sql": "SELECT 1;",
    "modules/till/nexus_till/__init__.py": "from shop_kit import ANSWER\n",
    "modules/till/run.sh": "#!/bin/sh\n",
    "modules/till/tests/test_till.py": "",
    "modules/till/README.md": "",
    "modules/till/.npmrc": "",
    "modules/third/module.yaml": '{name: third, runtime: image, image: "third:1", port: 5009}',
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "modules/till/run.sh").chmod(0o755)
    return root


@pytest.fixture
def stack(root: Path) -> Stack:
    return load_stack(root)


def released(
    stack: Stack, home: Home, name: str = "till", image: str = "", secrets_version: str = ""
) -> Release:
    return snapshot(stack, stack.service(name), home, "ana", image=image, secrets_version=secrets_version)


def test_a_release_holds_exactly_the_files_that_its_digest_counts(stack: Stack, home: Home) -> None:
    release = released(stack, home)
    folder = release.folder
    assert folder == home.releases / "till" / release.digest / "till"
    copied = {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}
    assert {each for each in copied if "__pycache__" not in each} == {
        "module.yaml",
        "kpis/sold.sql",
        "invariants/one.sql",
        "migrations/1_first/migration.sql",
        "nexus_till/__init__.py",
        "run.sh",
    }
    assert list((folder / "nexus_till" / "__pycache__").glob("*.pyc"))
    assert (release.digest, release.version) == (stack.service("till").digest, "1.5")
    assert (release.built_by, release.commit, release.clean) == ("ana", "", False)


def test_nobody_but_its_owner_changes_a_release_and_everybody_reads_it(stack: Stack, home: Home) -> None:
    os.umask(0o077)
    try:
        folder = released(stack, home).folder
    finally:
        os.umask(0o022)
    assert folder is not None
    for each in (*folder.parents[2].rglob("*"), *home.parts.rglob("*")):
        wanted = 0o755 if each.is_dir() else 0o555 if each.name == "run.sh" else 0o444
        assert each.stat().st_mode & 0o777 == wanted, each


def test_the_service_of_a_release_reads_all_from_its_artefact(root: Path, home: Home) -> None:
    stack = load_stack(root)
    before, release = stack.service("till"), released(stack, home)
    (root / "modules/till/module.yaml").write_text("{name: till, runtime: python, port: 5007}")
    (root / "lib/kit/shop_kit/__init__.py").write_text("ANSWER = 43\n")
    service = service_of(load_stack(root), release, home)
    assert release.folder is not None
    assert (service.release, service.port, service.place) == (before.digest, 5003, "modules/till")
    assert service.migrations == release.folder / "migrations"
    assert service.invariants == release.folder / "invariants"
    assert service.kpis[0].sql.strip() == "SELECT 1 AS value"
    assert service.shared_places == ("lib/kit", "locks/modules.lock")
    assert (service.shared[0] / "shop_kit/__init__.py").read_text() == "ANSWER = 42\n"


def test_shared_parts_are_kept_once_for_all_releases(root: Path, home: Home) -> None:
    first = released(load_stack(root), home)
    (root / "modules/till/nexus_till/more.py").write_text("")
    second = released(load_stack(root), home)
    assert first.digest != second.digest
    assert len(list(home.parts.iterdir())) == 2


def test_infrastructure_is_what_was_declared_and_may_run_another_image(stack: Stack, home: Home) -> None:
    database = stack.service("db")
    release = released(stack, home, "db")
    assert release.folder is None
    assert service_of(stack, release, home) == database
    other = released(stack, home, "db", image="postgres:18.1")
    service = service_of(stack, other, home)
    assert (service.image, other.image) == ("postgres:18.1", "postgres:18.1")
    assert service.release == other.id != release.id


def test_a_service_that_is_not_built_may_run_another_image_and_a_built_one_not(
    stack: Stack, home: Home
) -> None:
    release = released(stack, home, "third", image="third:2")
    service = service_of(stack, release, home)
    assert (service.image, service.release) == ("third:2", release.id)
    assert released(stack, home, "third", image="third:1").id == stack.service("third").digest
    with pytest.raises(ArtefactError, match="till is built from its folder"):
        released(stack, home, image="till:2")


def test_other_secrets_are_another_release_of_the_same_artefact(stack: Stack, home: Home) -> None:
    plain, renewed = released(stack, home), released(stack, home, secrets_version="2")
    (home.secrets / "till@2").mkdir(parents=True)
    assert renewed.id == f"{plain.id}-2"
    assert renewed.folder == plain.folder
    assert service_of(stack, renewed, home).release == renewed.id


def test_sources_that_change_while_they_are_read_make_no_release(root: Path, home: Home) -> None:
    stack = load_stack(root)
    assert stack.service("till").digest
    (root / "modules/till/nexus_till/__init__.py").write_text("ANSWER = 43\n")
    with pytest.raises(ArtefactError, match="files changed while they were read; run the same command again"):
        released(stack, home)
    assert list((home.releases / "till").iterdir()) == []


@pytest.mark.parametrize(
    "place", ["releases/till/*/till/nexus_till/__init__.py", "parts/*/kit/shop_kit/__init__.py"]
)
def test_what_was_tampered_with_is_refused_until_it_is_made_again(
    stack: Stack, home: Home, place: str
) -> None:
    release = released(stack, home)
    (file,) = home.root.glob(place)
    file.chmod(0o644)
    file.write_text("ANSWER = 666\n")
    with pytest.raises(
        ArtefactError, match=r"its files hold \w+; make it again with `nexus release build till`"
    ):
        service_of(stack, release, home)
    released(stack, home)
    assert service_of(stack, release, home).release == release.id


@pytest.mark.parametrize(
    "place", ["releases/till/*/till", "releases/till/*/artefact.json", "parts/*/modules.lock"]
)
def test_what_is_gone_is_named_and_can_be_made_again(stack: Stack, home: Home, place: str) -> None:
    release = released(stack, home)
    (gone,) = home.root.glob(place)
    gone.rename(home.root / "elsewhere")
    with pytest.raises(ArtefactError, match=str(gone)):
        service_of(stack, release, home)
    released(stack, home)
    assert service_of(stack, release, home).release == release.id


def test_many_at_once_make_one_whole_artefact(stack: Stack, home: Home) -> None:
    found: list[Release] = []
    assert stack.service("till").digest
    threads = [threading.Thread(target=lambda: found.append(released(stack, home))) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.folder for each in found] == [found[0].folder] * 6
    assert service_of(stack, found[0], home).release == found[0].id
    assert [each.name for each in (home.releases / "till").iterdir()] == [found[0].digest]


def test_old_artefacts_go_but_for_those_needed_with_the_parts_that_only_they_used(
    root: Path, home: Home
) -> None:
    made = []
    for number in range(KEPT + 3):
        (root / "lib/kit/shop_kit/__init__.py").write_text(f"ANSWER = {number}\n")
        made.append(released(load_stack(root), home))
        os.utime(home.releases / "till" / made[-1].digest, (number, number))
    for part in home.parts.iterdir():
        os.utime(part, (0, 0))
    prune(home, {"till": {made[0].digest}})
    kept = {each.name for each in (home.releases / "till").iterdir()}
    assert kept == {each.digest for each in (made[0], *made[-KEPT:])}
    stack = load_stack(root)
    for each in (made[0], *made[-KEPT:]):
        assert service_of(stack, each, home).release == each.id
    assert len(list(home.parts.glob("*/kit"))) == KEPT + 1


def test_a_copy_that_was_killed_leaves_nothing_that_stays(stack: Stack, home: Home) -> None:
    code = """
import os, sys
from pathlib import Path
from nexus.releases.artefact import copying, snapshot
from nexus.runtimes.home import Home
from nexus.stack import load_stack
copying._write_through = lambda draft: "till" in str(draft) and os.kill(os.getpid(), 9)
stack = load_stack(Path(sys.argv[1]))
snapshot(stack, stack.service("till"), Home.at(Path(sys.argv[2])), "ana")
"""
    command = [sys.executable, "-c", code, str(stack.root), str(home.root)]
    assert subprocess.run(command, check=False).returncode == -9
    release = released(stack, home)
    assert service_of(stack, release, home).release == release.id
    for each in (home.releases / "till").iterdir():
        os.utime(each, (0, 0))
    prune(home, {})
    assert [each.name for each in (home.releases / "till").iterdir()] == [release.digest]


def test_what_an_artefact_says_of_itself_is_plain_json(stack: Stack, home: Home) -> None:
    folder = released(stack, home).folder
    assert folder is not None
    told = json.loads((folder.parent / "artefact.json").read_text())
    assert told["place"] == "modules/till"
    assert list(told["shared"]) == ["lib/kit", "locks/modules.lock"]


def test_two_that_mend_one_artefact_at_once_both_succeed(stack: Stack, home: Home, root: Path) -> None:
    release = released(stack, home)
    assert release.folder is not None
    (release.folder / "run.sh").unlink()
    ready, found = threading.Barrier(4, timeout=20), list[Release]()

    def mend() -> None:
        own = load_stack(root)
        ready.wait()
        found.append(released(own, home))

    threads = [threading.Thread(target=mend) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.id for each in found] == [release.id] * 4
    assert service_of(stack, release, home).release == release.id
    assert [each.name for each in (home.releases / "till").iterdir()] == [release.digest]


def test_a_folder_is_replaced_though_another_made_room_for_his_own(home: Home) -> None:
    target = home.root / "place"

    def damaged(draft: Path) -> None:
        (draft / "text").write_text("damaged")

    def overtaken(draft: Path) -> None:
        (draft / "text").write_text("mine")
        shutil.rmtree(target)

    place_whole(target, damaged)
    place_whole(target, overtaken)
    assert (target / "text").read_text() == "mine"
    assert list(home.root.iterdir()) == [target]


def test_a_release_whose_set_of_secrets_is_gone_is_refused(stack: Stack, home: Home) -> None:
    release = released(stack, home, secrets_version="2")
    with pytest.raises(ArtefactError, match=r"till@2 is gone, the secrets it was given; deploy another"):
        service_of(stack, release, home)
    (home.secrets / "till@2").mkdir(parents=True)
    assert service_of(stack, release, home).release == release.id


@pytest.mark.parametrize("place", ["releases/till/*/till/run.sh", "parts/*/modules.lock"])
def test_a_damaged_artefact_is_made_again_of_sources_that_hold_the_same(
    root: Path, home: Home, place: str
) -> None:
    release = released(load_stack(root), home)
    (gone,) = home.root.glob(place)
    gone.unlink()
    assert restored(load_stack(root), release, home).release == release.id
    assert gone.is_file()
    gone.unlink()
    (root / "modules/till/run.sh").write_text("other content")
    with pytest.raises(ArtefactError, match=r"till 1\.5"):
        restored(load_stack(root), release, home)


def test_a_damaged_artefact_is_made_again_of_its_commit(root: Path, home: Home) -> None:
    for arguments in (
        ("init", "-q"),
        ("add", "-A"),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "1"),
    ):
        subprocess.run(["git", "-C", root, *arguments], check=True)
    release = released(load_stack(root), home)
    (root / "modules/till/run.sh").write_text("other content")
    assert release.clean
    assert release.folder is not None
    shutil.rmtree(home.releases)
    assert restored(load_stack(root), release, home).release == release.id
    assert (release.folder / "run.sh").read_text() == "#!/bin/sh\n"
