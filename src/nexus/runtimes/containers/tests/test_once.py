"""A command runs once in a deployment: it is taken up after a kill, but not by another deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nexus.runtimes.containers.engine import Engine
from nexus.runtimes.containers.once import Once, run_once
from nexus.runtimes.containers.project import Project
from nexus.runtimes.home import Home
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import load_stack

FILE = Path("compose.yaml")


class Recorded(Engine):
    """An engine with containers of these names, each of which has ended or ends with `status`."""

    def __init__(self, *names: str, status: str = "0") -> None:
        super().__init__()
        self.names, self.status, self.said = list(names), status, list[tuple[str, ...]]()

    async def command(self, *arguments: str, **options: Any) -> str:
        self.said.append(arguments)
        match arguments:
            case ("ps", *_):
                return "\n".join(self.names)
            case ("wait", *_):
                return self.status
            case ("rm", "--force", *gone):
                self.names = [each for each in self.names if each not in gone]
        return ""

    def verbs(self) -> list[str]:
        return ["run" if each[0] == "compose" else each[0] for each in self.said]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "nexus.yaml").write_text("name: shop\n")
    return Project(Site(load_stack(tmp_path), Home.at(tmp_path / ".nexus"), {}))


def hook(project: Project, number: int) -> Once:
    return Once(project, "till", "before", number, ("true",), 5.0)


async def test_what_a_killed_loop_has_begun_is_waited_for_by_the_same_deployment(project: Project) -> None:
    engine = Recorded("shop-till_before_7")
    await run_once(engine, hook(project, 7), FILE)
    assert engine.verbs() == ["ps", "wait", "rm"]
    assert engine.names == []


async def test_what_another_deployment_has_left_is_no_result_and_ends(project: Project) -> None:
    engine = Recorded("shop-till_before_7", status="1")
    with pytest.raises(StartError, match=r"till_before_8 .* ended with exit code 1"):
        await run_once(engine, hook(project, 8), FILE)
    assert engine.said[1] == ("rm", "--force", "shop-till_before_7")
    assert engine.verbs()[:4] == ["ps", "rm", "run", "wait"]
