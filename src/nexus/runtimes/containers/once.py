"""A command that runs once as a task of a release: on one engine as a container beside the others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.runtimes.containers.project import Project
from nexus.runtimes.containers.words import last_words
from nexus.runtimes.protocol import StartError


@dataclass(frozen=True)
class Once:
    """`command` as a container of `unit` in `project`: what it is (`task`) in which deployment (`number`).
    `limit` in seconds.
    """

    project: Project
    unit: str
    task: str
    number: int
    command: tuple[str, ...]
    limit: float

    @property
    def family(self) -> str:
        """What the names of this task begin with in every deployment."""
        return f"{self.unit}_{self.task}_"

    @property
    def name(self) -> str:
        """What tells it from all others."""
        return f"{self.family}{self.number}"

    @property
    def title(self) -> str:
        """How an operator is told of it."""
        return f"{self.name} ({' '.join(self.command)})"


async def run_once(engine: Engine, once: Once, file: Path) -> None:
    """Runs the command with `docker compose run`, or waits for the one that a former call of the same
    deployment has begun; those of other deployments, which nobody waits for, end.

    Raises:
        StartError: it failed or takes too long; says its last words.
        EngineError: the engine refuses.
    """
    name, family = (f"{once.project.name}-{each}" for each in (once.name, once.family))
    there = await engine.command("ps", "--all", "--filter", f"name=^{family}", "--format", "{{.Names}}")
    begun = set(there.split())
    if others := sorted(begun - {name}):
        await engine.command("rm", "--force", *others)
    if name not in begun:
        entry, *arguments = once.command
        where = ("compose", "-p", once.project.name, "-f", str(file), "--progress", "plain")
        options = ("run", "--detach", "--no-deps", "--name", name, "--entrypoint", entry)
        await engine.command(*where, *options, once.unit, *arguments, env=once.project.variables())
    try:
        status = (await engine.command("wait", name, timeout=once.limit)).strip()
    except EngineError as error:
        words = await last_words(engine, "logs", "--tail", "3", name)
        await engine.command("rm", "--force", name)
        raise StartError(f"{once.title} has not ended: {error}{words}") from error
    words = await last_words(engine, "logs", "--tail", "3", name) if status != "0" else ""
    await engine.command("rm", "--force", name)
    if status != "0":
        raise StartError(f"{once.title} ended with exit code {status}{words}")
