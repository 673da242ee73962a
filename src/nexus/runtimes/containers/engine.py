"""A Docker engine: its command line, its API, and its errors told in one sentence.

EngineError            the engine refused or is not there; the message says how to mend it
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiodocker

OLDEST_ENGINE = (25, 0)  # health checks with a start interval
OLDEST_COMPOSE = (2, 24)  # the same, and environment files that may be absent
API_LIMIT = 60.0  # seconds

# What an engine says -> what the operator reads. The first pattern that is found wins.
_KNOWN = (
    (
        r"permission denied while trying to connect|connect: permission denied",
        "no permission on Docker's socket; add this user to the group `docker` and log in again, or use sudo",
    ),
    (
        r"[Cc]annot connect to the Docker daemon|failed to connect to the docker API|daemon is not running",
        "no Docker engine answers; start it (systemctl start docker), or name it in DOCKER_HOST",
    ),
    (
        r"no space left on device",
        "the engine's disk is full; make room (docker system df, docker builder prune), then run the same "
        "command again",
    ),
    (
        r"port is already allocated|address already in use",
        "a port is taken by another program; free it, or use --port-offset N",
    ),
)
_NO_IMAGE = re.compile(
    r"pull access denied for (?P<a>[^,\s]+)|manifest for (?P<b>\S+) not found"
    r"|(?P<c>[\w.-]+(?:/[\w./-]+)?:[\w.-]+): (?:not found|failed to resolve source metadata)"
    r"|No such image: (?P<d>\S+)"
)


class EngineError(Exception):
    """A Docker engine is missing, too old or refuses; one message, with its mend."""


@dataclass(frozen=True)
class EngineFacts:
    """What an engine is. Versions as the engine tells them; `swarm` is its local node's state."""

    version: str
    compose: str
    swarm: str
    node: str
    manager: bool


@dataclass(frozen=True)
class Engine:
    """One Docker engine, reached as the `docker` command reaches it (DOCKER_HOST, else its context)."""

    program: str = "docker"
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    async def command(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        timeout: float = 600.0,
        said: Callable[[str], None] | None = None,
    ) -> str:
        """Run `docker ARGUMENTS` and return what it wrote on stdout.

        `env` is added to the environment, `said` is given each line of stderr as it comes, `timeout` is in
        seconds. When this call is cancelled the command is killed.

        Raises:
            EngineError: the command is missing, failed, or took too long.
        """
        if shutil.which(self.program, path=self.environment.get("PATH")) is None:
            raise EngineError(
                "the `docker` command was not found; install Docker Engine with its Compose plugin "
                "(https://docs.docker.com/engine/install/), or use `--runtime process`"
            )
        process = await asyncio.create_subprocess_exec(
            self.program,
            *arguments,
            env={**self.environment, **(env or {})},
            stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 22,
        )
        try:
            async with asyncio.timeout(timeout):
                out, errors = await _talk(process, stdin, said)
        except TimeoutError:
            what = " ".join(arguments[:3])
            raise EngineError(f"docker {what} did not end within {timeout:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise EngineError(explain(errors or out, arguments))
        return out

    async def json(self, *arguments: str, env: Mapping[str, str] | None = None) -> Any:
        """Run a command that prints one JSON value, or one a line (then a list)."""
        out = (await self.command(*arguments, env=env)).strip()
        try:
            return json.loads(out) if out else None
        except json.JSONDecodeError:
            return [json.loads(line) for line in out.splitlines() if line.strip()]

    async def check(self, swarm: bool = False) -> EngineFacts:
        """Whether this engine can run a stack.

        Raises:
            EngineError: it is missing, out of reach, too old, or (with `swarm`) no manager of a Swarm.
        """
        info = await self.json("info", "--format", "{{json .}}")
        for trouble in info.get("ServerErrors") or ():
            raise EngineError(explain(str(trouble), ("info",)))
        version = str(info["ServerVersion"])
        if _numbers(version) < OLDEST_ENGINE:
            raise EngineError(
                f"Docker Engine {version} is too old; {_dotted(OLDEST_ENGINE)} or newer is needed "
                "(health checks with a start interval)"
            )
        compose = await self._compose_version()
        local = info.get("Swarm") or {}
        facts = EngineFacts(
            version,
            compose,
            str(local.get("LocalNodeState", "inactive")),
            str(local.get("NodeID", "")),
            bool(local.get("ControlAvailable")),
        )
        if swarm and facts.swarm != "active":
            raise EngineError(
                "this engine is in no Swarm; begin one with `docker swarm init --advertise-addr ADDRESS`, "
                "or join one as a manager with what `docker swarm join-token manager` prints there"
            )
        if swarm and not facts.manager:
            raise EngineError(
                "this node is a worker of its Swarm; run the command on a manager, or promote it there: "
                f"docker node promote {facts.node}"
            )
        return facts

    async def _compose_version(self) -> str:
        try:
            compose = (await self.command("compose", "version", "--short")).strip().lstrip("v")
        except EngineError as error:
            raise EngineError(
                "the Compose plugin of Docker was not found (`docker compose version` fails); install "
                f"docker-compose-plugin {_dotted(OLDEST_COMPOSE)} or newer"
            ) from error
        if _numbers(compose) < OLDEST_COMPOSE:
            raise EngineError(
                f"Docker Compose {compose} is too old; {_dotted(OLDEST_COMPOSE)} or newer is needed"
            )
        return compose

    @asynccontextmanager
    async def api(self) -> AsyncIterator[aiodocker.Docker]:
        """A client of the engine's API, at the address that the `docker` command uses.

        Raises:
            EngineError: inside the block, whatever the engine refuses or does not answer.
        """
        import aiodocker
        import aiohttp
        from aiodocker.exceptions import DockerError

        try:
            timeout = aiohttp.ClientTimeout(total=API_LIMIT)
            async with aiodocker.Docker(url=self.environment.get("DOCKER_HOST"), timeout=timeout) as client:
                yield client
        except DockerError as error:
            raise EngineError(f"the engine refused: {error.message}") from error
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            said = str(error) or type(error).__name__
            raise EngineError(f"the Docker engine does not answer ({said}); is it running?") from error


def explain(said: str, arguments: tuple[str, ...]) -> str:
    """What an engine or its command wrote, as one message that says what to do."""
    for pattern, sentence in _KNOWN:
        if re.search(pattern, said):
            return f"{sentence}\n  docker says: {_last(said)}"
    missing = _NO_IMAGE.search(said)
    if missing:
        name = next(group for group in missing.groups() if group).rstrip(":")
        return (
            f"the image {name} does not exist, or this engine may not pull it; correct `image` in the "
            f"manifest, or log in with `docker login`\n  docker says: {_last(said)}"
        )
    return f"docker {' '.join(arguments[:2])} failed: {_last(said)}"


async def _talk(
    process: asyncio.subprocess.Process, stdin: bytes | None, said: Callable[[str], None] | None
) -> tuple[str, str]:
    assert process.stdout is not None
    assert process.stderr is not None
    errors: list[str] = []

    async def listen(stream: asyncio.StreamReader) -> None:
        async for line in stream:
            text = line.decode("utf-8", "replace").rstrip("\n")
            errors.append(text)
            if said is not None:
                said(text)

    async def feed() -> None:
        if process.stdin is not None and stdin is not None:
            process.stdin.write(stdin)
            await process.stdin.drain()
            process.stdin.close()

    out, _, _ = await asyncio.gather(process.stdout.read(), listen(process.stderr), feed())
    await process.wait()
    return out.decode("utf-8", "replace"), "\n".join(errors)


def _last(said: str) -> str:
    """The last words that mean something."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return " / ".join(lines[-3:])[-600:] if lines else "it said nothing"


def _numbers(version: str) -> tuple[int, int]:
    found = re.findall(r"\d+", version)[:2]
    return (int(found[0]), int(found[1])) if len(found) == 2 else (0, 0)


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(str(number) for number in version)
