"""Which rehearsals count for a deploy: those of exactly what it would apply."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nexus.control.deploying.rehearsed import REHEARSALS, digest_of, with_rehearsals
from nexus.control.migrating.sources import source_of
from nexus.migrations.history import History
from nexus.migrations.planning import order, plan
from nexus.migrations.planning.planned import MigrationFacts as PlanFacts
from nexus.migrations.planning.planned import Rates
from nexus.migrations.reading import read
from nexus.migrations.rehearsing.report import Copy, LoadSeen, Report
from nexus.migrations.rehearsing.reports import keep
from nexus.releases import Release
from nexus.releases.facts import MigrationFacts, RolloutFacts
from nexus.runtimes.home import Home
from nexus.stack import Service, load_stack

ADD, DROP = MigrationFacts("1_add", "expand"), MigrationFacts("2_drop", "contract", "it says so")
NEW = Release("till", "new", "new", "2.0", "", True, 0.0, "ana")
FACTS = RolloutFacts(1000.0, pending={("till", "new"): (ADD, DROP)}, rehearse_within=60.0)


@pytest.fixture
def till(tmp_path: Path) -> Service:
    (tmp_path / "nexus.yaml").write_text(
        "name: shop\ninfrastructure:\n  db: {kind: database, runtime: postgres, port: 5433}\n"
    )
    brick = tmp_path / "modules" / "till"
    for name, sql in {"1_add": "CREATE TABLE a (id int);", "2_drop": "DROP TABLE b;"}.items():
        (brick / "migrations" / name).mkdir(parents=True)
        (brick / "migrations" / name / "migration.sql").write_text(sql)
    (brick / "module.yaml").write_text(
        "{name: till, runtime: python, port: 5010, needs: {hard: [db]}, database: {schema: till}}"
    )
    return load_stack(tmp_path).service("till")


def rehearsal(folder: Path, digest: str, at: float, **values: Any) -> None:
    load = LoadSeen(0.0, (), 0, 0, "")
    report = Report(f"{at:.0f}-{digest}", at, digest, Copy("copy", 0, 0.0), (), load, (), (), Rates(), 1.0)
    keep(folder, replace(report, **values))


def digest(till: Service, *names: str) -> str:
    return digest_of(order({"till": history(till, *names)}))


def history(till: Service, *names: str) -> History:
    source = source_of(till)
    assert source is not None
    return History(source, read(source), pending=tuple(each for each in read(source) if each.name in names))


def test_its_digest_is_the_one_that_rehearsals_are_kept_by(till: Service) -> None:
    assert plan(PlanFacts({"till": history(till, "1_add")})).digest == digest(till, "1_add")
    assert digest(till, "1_add") != digest(till, "1_add", "2_drop")


def test_a_rehearsal_of_what_comes_before_the_release_says_nothing_of_what_contracts(
    till: Service, tmp_path: Path
) -> None:
    home, services = Home.at(tmp_path / "home"), {("till", "new"): till}

    def seen() -> tuple[float | None, float | None]:
        found = with_rehearsals(FACTS, [NEW], services, home)
        return found.rehearsed_at, found.contracts_rehearsed_at

    assert seen() == (None, None)
    rehearsal(home.root / REHEARSALS, digest(till, "1_add"), 970.0, failures=("a write waited",))
    assert seen() == (None, None)
    rehearsal(home.root / REHEARSALS, digest(till, "1_add"), 980.0)
    assert seen() == (980.0, None)
    rehearsal(home.root / REHEARSALS, digest(till, "1_add", "2_drop"), 990.0)
    assert seen() == (980.0, 990.0)
    (till.folder / "migrations" / "1_add" / "migration.sql").write_text("CREATE TABLE b (id int);")
    assert seen() == (None, None)


def test_no_report_is_read_where_no_rehearsal_is_asked_for(till: Service, tmp_path: Path) -> None:
    facts = replace(FACTS, rehearse_within=None)
    assert with_rehearsals(facts, [NEW], {}, Home.at(tmp_path)) is facts


def test_a_rehearsal_of_more_counts_for_what_it_has_in_the_same_order(till: Service, tmp_path: Path) -> None:
    home, services = Home.at(tmp_path / "home"), {("till", "new"): till}
    source = source_of(till)
    assert source is not None
    texts = {f"till/{each.name}": each.checksum for each in read(source)} | {"stock/1_more": "abc"}

    def rehearse(at: float, *ids: str, **values: Any) -> RolloutFacts:
        sums = tuple(texts[each] for each in ids)
        folder = home.root / REHEARSALS
        rehearsal(folder, f"other{at:.0f}", at, migrations=ids, checksums=sums, **values)
        return with_rehearsals(FACTS, [NEW], services, home)

    found = rehearse(970.0, "till/1_add", "stock/1_more")
    assert (found.rehearsed_at, found.contracts_rehearsed_at) == (970.0, None)
    assert found.notes == ("what is pending was rehearsed by 970-other970, together with stock/1_more",)
    assert rehearse(975.0, "till/2_drop", "till/1_add", "stock/1_more").contracts_rehearsed_at is None
    found = rehearse(980.0, "till/1_add", "stock/1_more", "till/2_drop")
    assert (found.rehearsed_at, found.contracts_rehearsed_at) == (980.0, 980.0)
    found = rehearse(990.0, "till/1_add", "stock/1_more", "till/2_drop", failures=("a write waited",))
    assert (found.rehearsed_at, found.contracts_rehearsed_at) == (None, None)


def test_a_tool_of_its_own_is_told_to_be_left_out(till: Service, tmp_path: Path) -> None:
    run = MigrationFacts("command-1", "expand", tool=True)
    facts = replace(FACTS, pending={("till", "new"): (run,)})
    found = with_rehearsals(facts, [NEW], {("till", "new"): till}, Home.at(tmp_path / "home"))
    assert found.notes == ("till: what its own tool changes needs no rehearsal: nothing can rehearse it",)
