"""Stable releases stand in for the sources: what runs is what was released."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nexus.control.addresses import Refused
from nexus.control.deploying.building import Building
from nexus.control.deploying.requests import BuildRequest, DeployRequest
from nexus.control.drilling.room import KEPT
from nexus.control.release_steps import Releasing
from nexus.control.releasing import FIRST, after_first_releases, first_releases, released, standing
from nexus.control.world import World
from nexus.migrations.rehearsing.leftovers import OWNER
from nexus.plans import Plan, Step
from nexus.releases.artefact import snapshot
from nexus.runtimes.home import Home
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Stack, load_stack

FILES = {
    "nexus.yaml": "name: shop\nbricks: ['*']\n",
    "till/module.yaml": "{name: till, runtime: command, command: [sleep, '60'], port: 5003, secrets: [key]}",
    "till/run": "1",
    "stock/module.yaml": "{name: stock, runtime: command, command: [sleep, '60'], port: 5004}",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "shop"


@pytest.fixture
async def world(root: Path, tmp_path: Path) -> AsyncIterator[World]:
    """A control loop's world in which the stack has its first releases."""
    found = World(Home.at(tmp_path / "home"))
    await settle(found, load_stack(root))
    yield found
    await found.close()


async def settle(world: World, sources: Stack) -> None:
    """Makes the first releases of the stack."""
    ports = {service.name: service.port for service in sources.services}
    await world.settle(Site(sources, world.home, ports))
    (step,) = first_releases(sources, released(sources, {}).missing)
    await Releasing(world, sources, "ana").release(step)


def changed(root: Path, text: str) -> Stack:
    (root / "till/run").write_text(text)
    return load_stack(root)


async def test_the_first_releases_become_stable_at_one_moment_and_are_what_is_kept(
    world: World, root: Path
) -> None:
    sources = load_stack(root)
    (only,) = world.catalogue.sets()
    assert only.releases == {service.name: service.digest for service in sources.services}
    (told,) = world.catalogue.deployments()
    assert (told.kind, told.who, told.state, told.after) == ("first", "ana", "promoted", only.releases)
    assert world.site is not None
    for service in world.site.stack.services:
        assert service.folder == world.home.releases / service.name / service.digest / service.name


async def test_changed_sources_are_noted_and_not_run(world: World, root: Path) -> None:
    world.catalogue.judge_set(1, healthy=True)
    stable, sources = world.catalogue.stable()["till"], changed(root, "2")
    stack = world.released(sources)
    assert stack.service("till").release == stable
    assert (stack.service("till").folder / "run").read_text() == "1"
    told = released(sources, world.standing(sources))
    assert told.missing == ()
    assert told.notes() == (
        f"till: its sources hold {sources.service('till').digest}, stable is {stable}; "
        "`nexus deploy till` changes over",
    )


async def test_what_never_was_up_is_mended_by_its_sources_unless_it_is_at_work(
    world: World, root: Path
) -> None:
    sources = changed(root, "2")
    assert "till" not in standing(sources, world.catalogue, ())
    assert "till" in standing(sources, world.catalogue, ("till",))
    assert world.released(sources).service("till").folder == root / "till"
    await settle(world, sources)
    assert world.catalogue.stable()["till"] == sources.service("till").digest
    assert world.catalogue.sets(1)[0].cause == FIRST


async def test_a_name_that_an_operator_gave_stays_with_its_content(world: World, root: Path) -> None:
    building, asked = Building(world), BuildRequest(who="ana", services=("till",))
    changed(root, "2")
    named = (await building.made(asked.model_copy(update={"version": "1.6"})))["till"]
    assert (await building.made(asked))["till"] == named
    changed(root, "3")
    with pytest.raises(Refused, match=r"1\.6 is what people call till 1\.6"):
        await building.made(asked.model_copy(update={"version": "1.6"}))
    found = await building.meant(DeployRequest(who="ana", services=("till",), version="1.6"))
    assert found == {"till": named}


async def test_an_adopted_release_is_known_to_the_next_control_loop(world: World, root: Path) -> None:
    sources = changed(root, "2")
    release = world.catalogue.add(snapshot(sources, sources.service("till"), world.home, "ana"))
    await world.adopt(world.service_of("till", release.id))
    assert world.site is not None
    assert world.site.stack.service("till").release == release.id
    next_one = World(world.home)
    await next_one.recall()
    assert next_one.site is not None
    assert (next_one.site.stack.service("till").folder / "run").read_text() == "2"
    await next_one.close()


KILLED = """
import asyncio, os, sys
from pathlib import Path
from nexus.control.world import World
from nexus.releases.artefact import snapshot
from nexus.runtimes.home import Home
from nexus.stack import load_stack

async def main():
    world = World(Home.at(Path(sys.argv[1])))
    await world.recall()
    sources = load_stack(Path(sys.argv[2]))
    release = world.catalogue.add(snapshot(sources, sources.service("till"), world.home, "ana"))
    async def die(*arguments):
        os.kill(os.getpid(), 9)
    if sys.argv[3] == "before":
        world.catalogue.make_stable = lambda *arguments: os.kill(os.getpid(), 9)
    world.settle = die
    await world.adopt(world.service_of("till", release.id))

asyncio.run(main())
"""


@pytest.mark.parametrize(("when", "runs"), [("before", "1"), ("after", "2")])
async def test_killed_around_the_moment_of_adoption_a_loop_leaves_the_old_or_the_new(
    world: World, root: Path, when: str, runs: str
) -> None:
    world.catalogue.judge_set(1, healthy=True)
    changed(root, "2")
    command = [sys.executable, "-c", KILLED, str(world.home.root), str(root), when]
    assert subprocess.run(command, check=False).returncode == -9
    next_one = World(world.home)
    await next_one.recall()
    assert next_one.site is not None
    service = next_one.site.stack.service("till")
    assert service.release == next_one.catalogue.stable()["till"]
    assert (service.folder / "run").read_text() == runs
    await next_one.close()


async def test_a_release_that_was_tampered_with_neither_starts_nor_is_let_in(
    world: World, root: Path
) -> None:
    world.catalogue.judge_set(1, healthy=True)
    assert world.site is not None
    till = world.site.stack.service("till")
    (till.folder / "run").chmod(0o644)
    (till.folder / "run").write_text("666")
    with pytest.raises(Refused, match=r"till \w+ cannot be run: its files hold"):
        world.released(changed(root, "2"))
    with pytest.raises(StartError, match=r"make it again with `nexus release build till`"):
        world.service_of("till", till.release)
    with pytest.raises(StartError, match="no release 'ffffffffffff' of till is known"):
        world.service_of("till", "ffffffffffff")


async def test_an_artefact_that_is_gone_is_made_again_by_up_and_by_the_next_control_loop(
    world: World, root: Path
) -> None:
    world.catalogue.judge_set(1, healthy=True)
    stable = world.catalogue.stable()["till"]
    shutil.rmtree(world.home.releases / "till")
    assert world.released(load_stack(root)).service("till").release == stable
    assert (world.home.releases / "till" / stable / "till" / "run").read_text() == "1"
    shutil.rmtree(world.home.releases / "till")
    next_one = World(world.home)
    next_one.release = "a newer Nexus"
    await next_one.recall()
    assert next_one.site is not None
    assert next_one.site.stack.service("till").release == stable
    await next_one.close()


async def test_one_artefact_that_nothing_holds_any_more_does_not_cost_the_next_loop_all_others(
    world: World, root: Path
) -> None:
    world.catalogue.judge_set(1, healthy=True)
    stable = world.catalogue.stable()
    shutil.rmtree(world.home.releases / "till")
    changed(root, "2")
    next_one = World(world.home)
    next_one.release = "a newer Nexus"
    await next_one.recall()
    assert next_one.site is not None
    assert {each.name: each.release for each in next_one.site.stack.services} == stable
    with pytest.raises(Refused, match="bring back the files that it was made of"):
        next_one.released(load_stack(root))
    await next_one.close()


async def test_a_set_of_secrets_that_was_pruned_is_never_made_up(world: World, root: Path) -> None:
    sources = load_stack(root)
    (world.home.secrets / "till").mkdir(parents=True)
    (world.home.secrets / "till" / "key").write_text("the first value")
    release = world.catalogue.add(
        snapshot(sources, sources.service("till"), world.home, "ana", secrets_version="3")
    )
    with pytest.raises(StartError, match="till@3 is gone"):
        world.service_of("till", release.id)
    assert not (world.home.secrets / "till@3").exists()


async def test_a_release_is_given_the_secrets_that_it_declares_anew(world: World, root: Path) -> None:
    text = FILES["till/module.yaml"].replace("[key]", "[key, another]")
    (root / "till/module.yaml").write_text(text)
    sources = load_stack(root)
    release = world.catalogue.add(snapshot(sources, sources.service("till"), world.home, "ana"))
    assert not world.home.secret("till", "another").exists()
    world.service_of("till", release.id)
    assert len(world.home.secret("till", "another").read_text()) == 43


async def test_deleted_data_take_all_releases_with_them(world: World, root: Path) -> None:
    sources = load_stack(root)
    await Releasing(world, sources, "ana").delete(Step("delete", "delete", "shop", "", ""))
    assert world.catalogue.stable() == {}
    assert world.catalogue.of() == ()
    assert not world.home.releases.exists()


async def test_what_was_restored_beside_goes_with_the_data_and_signed_reports_with_the_backups(
    world: World, root: Path
) -> None:
    home = world.home.root
    copies = [home / name for name in ("drills/kept", "beside/left", "recovery/merging/seen")]
    report = home / "reports" / "drills" / "one.json"
    for folder in (*copies, report.parent):
        folder.mkdir(parents=True)
        (folder / OWNER).write_text("")  # of nobody that lives
    (copies[0] / KEPT).touch()
    report.touch()
    releasing = Releasing(world, load_stack(root), "ana")
    await releasing.delete(Step("delete", "delete", "shop", "", "", arguments={"backups": "stay"}))
    assert [each.parent.exists() for each in copies] == [False, False, False]
    assert report.exists()
    await releasing.delete(Step("delete", "delete", "shop", "", "", arguments={"backups": "go"}))
    assert not (home / "reports").exists()


def test_a_restart_makes_first_releases_before_all_else(root: Path) -> None:
    sources = load_stack(root)
    plan = Plan("restart till", (Step("restart till", "restart", "till", "asked by ana", "replace it"),))
    told = released(sources, {}, ["till"])
    found = after_first_releases(plan, sources, told)
    assert [(step.id, step.after) for step in found.steps] == [
        ("release", ()),
        ("restart till", ("release",)),
    ]
    assert found.steps[0].arguments == {"services": "till"}
    known = {"till": sources.service("till").digest}
    assert after_first_releases(plan, sources, released(sources, known, ["till"])) == plan
