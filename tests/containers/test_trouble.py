"""What goes wrong on an engine, and what the control loop does, and does not do, about it."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.control.locks import held
from nexus.runtimes.home import Home
from nexus.testing import ThrowawayStack, copied_root, eventually, throwaway_stack

pytestmark = [pytest.mark.docker, pytest.mark.stack, pytest.mark.timeout(400)]

OUTAGE_S = 45.0  # longer than three failed health checks and three looks of the control loop


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    with copied_root() as folder:
        yield folder


@pytest.fixture(scope="module")
def crm(root: Path) -> Iterator[ThrowawayStack]:
    """A part of the ERP: a CRM with what it needs."""
    with throwaway_stack("--only", "auth,users,crm", root=root, where=("--runtime", "compose")) as stack:
        yield stack


def _container(stack: ThrowawayStack, service: str) -> str:
    return str(stack.service(service)["instances"][0]["container"])


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def test_modules_wait_for_a_database_that_is_away_and_are_not_restarted(crm: ThrowawayStack) -> None:
    database, module = _container(crm, "postgres"), _container(crm, "crm")
    since = _docker("inspect", "--format", "{{.State.StartedAt}}", module)
    _docker("pause", database)
    try:
        eventually(lambda: crm.service("crm")["state"] != "ready", within=60, every=1.0)
        time.sleep(OUTAGE_S)  # whoever restarts modules for their database does it in this time
    finally:
        _docker("unpause", database)
    eventually(lambda: crm.status()["ready"], within=60, every=1.0)
    assert _container(crm, "crm") == module
    assert _docker("inspect", "--format", "{{.RestartCount}}", module) == "0"
    assert _docker("inspect", "--format", "{{.State.StartedAt}}", module) == since


def test_a_container_that_was_removed_is_made_again(crm: ThrowawayStack) -> None:
    before = _container(crm, "users")
    _docker("rm", "-f", before)

    def made_again() -> bool:
        users = crm.service("users")  # between its removal and its making it has no instance
        return users["state"] == "ready" and users["instances"][0]["container"] != before

    eventually(made_again, within=60, every=0.5)
    eventually(lambda: crm.status()["ready"], within=60, every=0.5)


def test_a_release_that_does_not_start_leaves_the_former_at_work_and_a_mended_one_takes_over(
    crm: ThrowawayStack, root: Path
) -> None:
    before = _container(crm, "crm")
    code = root / "modules" / "crm" / "nexus_crm" / "__main__.py"
    sound = code.read_text()
    code.write_text("raise SystemExit('broken on purpose')\n")
    done = crm.run("deploy", "crm", "--strategy", "rolling", "--yes")
    assert done.returncode == 1, done.stdout
    assert _container(crm, "crm") == before
    assert crm.status()["ready"]
    code.write_text(sound + "\n# mended\n")
    crm.nexus("deploy", "crm", "--strategy", "rolling", "--bake", "1s", "--yes")
    assert _container(crm, "crm") != before
    assert crm.service("crm")["state"] == "ready"


def test_modules_that_join_later_are_known_to_those_that_run(crm: ThrowawayStack) -> None:
    crm.nexus("up", "--only", "all")
    assert crm.status()["ready"]
    report = json.loads(crm.nexus("simulate", "--orders", "10", "--seed", "8", "--json"))
    assert report["orders"]["failed"] == 0
    assert report["invariants_ok"]


def test_another_folder_cannot_take_a_stacks_data_for_its_own(crm: ThrowawayStack) -> None:
    crm.nexus("down")
    kept = crm.home / "secrets"
    kept.rename(crm.home / "elsewhere")
    try:
        done = crm.run("up")
        assert done.returncode == 2
        assert "holds data whose secrets are not in" in done.stderr
    finally:
        eventually(lambda: not held(Home.at(crm.home).control_lock), within=30)
        if kept.exists():  # the collector of the refused loop may have kept a token of its own there
            shutil.rmtree(kept)
        (crm.home / "elsewhere").rename(kept)
