"""The whole rehearsal of a running stack: its release is started on the copy and asked as users ask."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from nexus.control import locks
from nexus.control.migrating.desk import Desk
from nexus.control.rehearsing.commands import Commands
from nexus.control.rehearsing.rehearse import rehearse
from nexus.control.rehearsing.smoke import Smoking
from nexus.migrations.planning.planned import MigrationPlan
from nexus.migrations.rehearsing import leftovers, reports
from nexus.migrations.rehearsing.living import read_server
from nexus.migrations.rehearsing.rehearse import Options
from nexus.migrations.rehearsing.report import Report
from nexus.migrations.rehearsing.scratch import scratch
from nexus.migrations.rehearsing.sentence import Sentence
from nexus.runtimes.home import Home
from nexus.testing import ThrowawayStack, throwaway_stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
QUICK = Options(window=0.2, settle=0.3, patience=10.0, max_wait=2.0)
STACK = """\
name: rehearsed
telemetry: {collect: off}
infrastructure:
  store: {kind: database, runtime: postgres, port: 9100}
  edge: {kind: edge, runtime: nginx, port: 9102, needs: {soft: [shop]}, upstreams: {/: shop},
         health: {live: /edge/health, ready: /edge/health}}
processes:
  sell:
    title: {en: Sell, pt-BR: Vender}
    steps: [{name: note, module: shop, title: {en: Note, pt-BR: Anotar}, requests: [POST /items]}]
probes:
  note-an-item:
    title: {en: Note an item, pt-BR: Anotar um item}
    process: sell
    every: 60s
    timeout: 10s
    steps:
      - {name: note, title: {en: Note, pt-BR: Anotar}, request: POST /items,
         body: {name: "{run}"}, expect: 201}
invariants: invariants
"""
BRICK = """\
name: shop
runtime: python
command: [python, -m, shop]
port: 9101
needs: {hard: [store]}
routes: [/]
public: [/*]
health: {live: /ready, ready: /ready}
database: {schema: shop, migrations: {format: prisma, path: migrations}}
rollout: {start: 20s, settle: 100ms}
"""
FIRST = """\
CREATE TABLE items (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, price numeric NOT NULL,
    remark text, colour text);
INSERT INTO items (name, price) SELECT 'item ' || n, n FROM generate_series(1, 200) n;
"""
_OK = {"200": {"description": "what is there"}}
OPENAPI = {
    "openapi": "3.1.0",
    "info": {"title": "shop", "version": "1.0"},
    "paths": {
        "/items": {
            "get": {"responses": _OK},
            "post": {"responses": {"201": {"description": "noted"}}},
        },
        "/items/{id}": {
            "get": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "responses": _OK,
            }
        },
    },
}
MAKER = """\
-- nexus: phase=expand
-- nexus: may-block=30s
ALTER TABLE items ADD COLUMN maker text;
UPDATE items SET maker = '';
ALTER TABLE items ALTER maker SET NOT NULL;
ALTER TABLE items RENAME COLUMN colour TO words;
"""
PRICED = "-- title: prices are above zero\n-- needs: shop\nSELECT id FROM shop.items WHERE price <= 0\n"


@pytest.fixture(scope="module")
def stack() -> Iterator[ThrowawayStack]:
    root = Path(tempfile.mkdtemp(prefix="nexus-rehearsed-"))
    root.chmod(0o755)
    brick = root / "modules" / "shop"
    brick.mkdir(parents=True)
    (root / "invariants").mkdir()
    (root / "invariants" / "priced.sql").write_text(PRICED)
    (root / "nexus.yaml").write_text(STACK)
    (brick / "module.yaml").write_text(BRICK)
    shutil.copy(Path(__file__).with_name("shop.py"), brick)
    (brick / "contracts").mkdir()
    (brick / "contracts" / "openapi.json").write_text(json.dumps(OPENAPI))
    _write(root, "20260101000000_first", FIRST)
    (brick / "migrations" / "migration_lock.toml").write_text('provider = "postgresql"\n')
    try:
        with throwaway_stack(root=root) as found:
            yield found
    finally:
        shutil.rmtree(root)


def _write(root: Path, name: str, sql: str) -> Path:
    folder = root / "modules" / "shop" / "migrations" / name
    folder.mkdir(parents=True)
    (folder / "migration.sql").write_text(sql)
    return folder


async def _rehearsed(stack: ThrowawayStack, sql: str, backup: bool = False) -> tuple[Report, MigrationPlan]:
    """A rehearsal of one migration more than is applied; its folder is gone afterwards."""
    folder = _write(stack.root, "20260102000000_second", sql)
    try:
        desk = Desk.outside(Home.at(stack.home), stack.root)
        plan = await desk.plan()
        return await rehearse(desk, plan, QUICK, backup=backup), plan
    finally:
        shutil.rmtree(folder)


async def _living(stack: ThrowawayStack) -> tuple[int, list[str]]:
    """How many items the living database holds, and its columns."""
    connection = await asyncpg.connect((stack.home / "secrets" / "store" / "admin_url").read_text().strip())
    try:
        count = await connection.fetchval("SELECT count(*) FROM shop.items")
        columns = await connection.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'shop'"
        )
    finally:
        await connection.close()
    return count, sorted(row["column_name"] for row in columns)


@pytest.fixture
async def untouched(stack: ThrowawayStack) -> AsyncIterator[None]:
    """Nothing of the living stack changes, and nothing is left of the copy."""
    before = await _living(stack), stack.pids()
    yield
    assert (await _living(stack), stack.pids()) == before
    folder = stack.home / "rehearsals"
    assert all(each.suffix == ".json" for each in folder.iterdir())
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not [line for line in lines if any(str(folder) in part for part in line)]


@pytest.mark.usefixtures("untouched")
async def test_a_release_that_goes_on_working_passes_on_a_copy_from_the_latest_backup(
    stack: ThrowawayStack,
) -> None:
    stack.nexus("backup", "create")
    report, plan = await _rehearsed(stack, "ALTER TABLE items ADD COLUMN size text;", backup=True)
    assert report.failures == ()
    assert report.copy.way.startswith("backup 2")
    assert report.smoke[0].requests == 2
    assert report.lacking == ()
    assert [(each.module, each.state) for each in report.smoke] == [
        ("shop", "passed"),
        ("probe note-an-item", "passed"),
    ]
    assert report.smoke[0].release == stack.service("shop")["release"]
    assert [each.name for each in report.invariants] == ["priced"]
    assert reports.latest(stack.home / "rehearsals", plan.digest) == report


@pytest.mark.usefixtures("untouched")
async def test_a_release_that_the_new_schema_breaks_is_named(stack: ThrowawayStack) -> None:
    report, _ = await _rehearsed(
        stack, "-- nexus: phase=expand\nALTER TABLE items RENAME COLUMN name TO title;"
    )
    assert not report.ok
    assert any(
        each.startswith("release shop ") and "fails on the new schema" in each for each in report.failures
    )
    assert any("makes writes fail" in each for each in report.failures)


@pytest.mark.usefixtures("untouched")
async def test_what_users_would_get_errors_from_fails_though_it_is_ready(stack: ThrowawayStack) -> None:
    report, _ = await _rehearsed(stack, MAKER)
    assert report.copy.way == "physical copy (pg_basebackup) at 100M/s"
    (failed,) = [each for each in report.smoke if each.release]
    assert failed.state == "failed"
    assert failed.sentence.startswith("GET /items/{id}: 500")  # the list, which it read first, was answered
    assert any(
        each.startswith("the probe note-an-item fails on the new schema: step 'note'")
        for each in report.failures
    ), report


@pytest.mark.usefixtures("untouched")
async def test_what_a_killed_rehearsal_left_is_cleared_by_the_next(stack: ThrowawayStack) -> None:
    place = _killed(stack.home)
    desk = Desk.outside(Home.at(stack.home), stack.root)
    folder = _write(stack.root, "20260102000000_second", "CREATE TABLE more (id int);")
    said: list[Sentence] = []
    try:
        report = await rehearse(desk, await desk.plan(), QUICK, said.append, smoke=False)
    finally:
        shutil.rmtree(folder)
    assert said[0] == "1 rehearsals that had been killed were cleared away"
    assert report.ok
    assert report.lacking == ("no running release was started on the copy",)
    assert reports.counted(desk.rehearsals, report.digest) is None
    assert reports.latest(desk.rehearsals, report.digest) == report
    assert not place.exists()


@pytest.mark.usefixtures("untouched")
async def test_a_release_that_is_being_let_in_is_tried_in_its_turn(stack: ThrowawayStack) -> None:
    desk = Desk.outside(Home.at(stack.home), stack.root)
    release = stack.service("shop")["release"]
    said: list[Sentence] = []
    listening: set[str] = set()

    def watch(sentence: Sentence) -> None:
        said.append(sentence)
        if "probe" in sentence:  # the edge of the copy is up
            port = 9102 + said[0].values["n"]
            found = psutil.net_connections("tcp")
            listening.update(
                c.laddr[0] for c in found if c.laddr and c.laddr[1] == port and c.status == "LISTEN"
            )

    smoking = Smoking(desk.site, "store", (("shop", release),), watch)
    server = await read_server(desk.admin_url, bare=True)
    async with scratch(desk.rehearsals / "one", server, "store") as there:
        found = await smoking(there, frozenset())
    assert [(each.module, each.release, each.state) for each in found] == [
        ("shop", release, "passed"),
        ("probe note-an-item", "", "passed"),
    ] * 2
    assert listening == {"127.0.0.1"}


def _killed(home: Path) -> Path:
    """What a killed rehearsal left."""
    place = home / "rehearsals" / "20260101-000000-dead"
    (place / "server").mkdir(parents=True)
    (place / leftovers.OWNER).write_text(json.dumps({"pid": 1, "birth": "long ago"}))
    return place


async def test_the_control_loop_clears_away_what_killed_rehearsals_left(stack: ThrowawayStack) -> None:
    place = _killed(stack.home)
    control = locks.owner(Home.at(stack.home).control_lock)
    assert control is not None
    os.kill(control, signal.SIGKILL)  # its guard starts another
    async with asyncio.timeout(60):
        while place.exists():
            await asyncio.sleep(0.05)


async def test_down_clears_them_away_where_nothing_runs(stack: ThrowawayStack, tmp_path: Path) -> None:
    place = _killed(tmp_path / "home")
    said = await Commands(Home.at(tmp_path / "home"), stack.root).run("down")
    assert (said.code, said.out.strip()) == (0, "nothing runs")
    assert not place.exists()
