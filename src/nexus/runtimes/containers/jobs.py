"""A command that runs once as a task of a release: on a Swarm as a job of one task."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from nexus.render.containers.files import SWARM
from nexus.runtimes.containers.engine import Engine
from nexus.runtimes.containers.once import Once
from nexus.runtimes.containers.words import last_words
from nexus.runtimes.protocol import StartError

POLL = 0.25
FAILED = ("failed", "rejected", "orphaned")
NOT_OF_A_JOB = ("update_config", "rollback_config", "replicas", "endpoint_mode")


async def run_job(engine: Engine, once: Once) -> None:
    """Runs the command as a job, or waits for the one that a former call of the same deployment has begun;
    takes it away afterwards. Those of other deployments, which nobody waits for, end.

    Raises:
        StartError: it failed or takes too long; says its last words.
        EngineError: the engine refuses.
    """
    name = f"{once.project.name}_{once.name}"
    begun = await _begun(engine, f"{once.project.name}_{once.family}")
    if others := sorted(begun - {name}):
        await engine.command("service", "rm", *others)
    if name not in begun:
        with once.project.file(SWARM, frozenset({once.unit})) as file:
            text = job_file(file, once)
        with tempfile.NamedTemporaryFile("w", dir=once.project.folder, suffix=".yaml") as part:
            YAML().dump(text, part)
            part.flush()
            options = ("--detach=true", "--with-registry-auth", "-c", part.name)
            variables = once.project.variables()
            await engine.command("stack", "deploy", *options, once.project.name, env=variables)
    try:
        await _ended(engine, once, name)
    finally:
        await engine.command("service", "rm", name)


def job_file(file: Path, once: Once) -> dict[str, Any]:
    """A stack of the one job, made of the definition of the service in `file`."""
    text: dict[str, Any] = YAML(typ="safe").load(file)
    definition = dict(text["services"][once.unit])
    deploy = {name: value for name, value in definition["deploy"].items() if name not in NOT_OF_A_JOB}
    deploy |= {"mode": "replicated-job", "restart_policy": {"condition": "none"}}
    words = [word.replace("$", "$$") for word in once.command]
    definition |= {"deploy": deploy, "entrypoint": words, "command": []}
    definition["healthcheck"] = {"test": ["NONE"]}
    return {**text, "services": {once.name: definition}}


async def _ended(engine: Engine, once: Once, name: str) -> None:
    give_up = asyncio.get_running_loop().time() + once.limit
    while True:
        status, state = await _state(engine, name), ""
        if status is not None:
            state = str(status["State"])
        if state == "complete":
            return
        late = asyncio.get_running_loop().time() > give_up
        if late or state in FAILED:
            words = await last_words(engine, "service", "logs", "--raw", "--tail", "3", name)
            code = ((status or {}).get("ContainerStatus") or {}).get("ExitCode")
            how = f"ended with exit code {code}" if code is not None and not late else f"is {state or 'new'}"
            limit = f" after {once.limit:.0f} s" if late else ""
            raise StartError(f"{once.title} {how}{limit}{words}")
        await asyncio.sleep(POLL)


async def _begun(engine: Engine, family: str) -> set[str]:
    """The names of all jobs that begin like this."""
    async with engine.api() as api:
        found = await api.services.list(filters={"name": [family]})
    names = {str(each["Spec"]["Name"]) for each in found}
    return {name for name in names if name.startswith(family)}


async def _state(engine: Engine, name: str) -> Mapping[str, Any] | None:
    """What the managers know of the job's only task."""
    async with engine.api() as api:
        tasks = await api.tasks.list(filters={"service": [name]})
    return tasks[0]["Status"] if tasks else None
