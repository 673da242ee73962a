"""Builds of Node.js bricks: made with npm beside their place, moved there whole, the old ones removed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from nexus.runtimes.protocol import StartError
from nexus.stack import Service

KEPT = 2  # newest builds of a service that stay, whatever runs
LIMIT_S = 900.0
LAST_LINES = 20
PACKAGE = "package.json"
# Packages' own scripts do not run: what is built is the brick. Once nothing declares them any more, prune
# also takes what only an optional peer would keep: compilers, command lines.
STEPS = (
    ("ci", "--ignore-scripts", "--no-audit", "--no-fund"),
    ("run", "build", "--if-present"),
    ("pkg", "delete", "devDependencies"),
    ("prune", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"),
)
_LEFT_OUT = shutil.ignore_patterns("node_modules", "dist", "tests", "__pycache__")
_UNFINISHED = "unfinished-"


async def build_release(
    service: Service, target: Path, node: Path, running: Collection[str], settings: Path
) -> None:
    """Builds the service's folder into `target`, unless it is there; `running`: digests that must stay.

    `settings` is npm's file of settings beside the brick's sources, used where it exists.

    Raises:
        StartError: npm failed, with its last lines; nothing is left of the attempt.
    """
    builds = target.parent
    for folder in (builds.parent, builds):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    for left in builds.glob(f"{_UNFINISHED}*"):  # by a build that was killed
        await asyncio.to_thread(shutil.rmtree, left, ignore_errors=True)
    if target.is_dir():
        return
    draft = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=builds))
    try:
        await asyncio.to_thread(_copy, service.folder, draft)
        if settings.is_file():
            shutil.copyfile(settings, draft / settings.name)
        if (draft / PACKAGE).exists():
            for step in STEPS:
                await _npm(service, draft, node, step)
        await asyncio.to_thread(_finish, draft)
        draft.rename(target)
    finally:
        await asyncio.to_thread(shutil.rmtree, draft, ignore_errors=True)
    os.utime(target)
    await asyncio.to_thread(_remove_old, builds, {*running, target.name})


def _copy(source: Path, draft: Path) -> None:
    """Copies what is built; of a release's files, which nobody may write, npm must change some."""
    shutil.copytree(source, draft, ignore=_LEFT_OUT, symlinks=True, dirs_exist_ok=True)
    for folder, _, files in os.walk(draft):
        for path in (Path(folder, name) for name in files):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o200)


async def _npm(service: Service, folder: Path, node: Path, arguments: tuple[str, ...]) -> None:
    """Runs npm in a process group of its own, which ends with us."""
    env = {name: value for name, value in os.environ.items() if name not in ("NODE_ENV", "NODE_OPTIONS")}
    env["PATH"] = os.pathsep.join((str(node.parent), env.get("PATH", os.defpath)))
    # Nexus applies the migrations: naming any program keeps Prisma from downloading the engine that would.
    env.setdefault("PRISMA_SCHEMA_ENGINE_BINARY", str(node))
    process = await asyncio.create_subprocess_exec(
        *("npm", *arguments),
        cwd=folder,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        umask=0o022,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
    except TimeoutError as error:
        raise StartError(
            f"{service.name}: npm {arguments[0]} did not end within {LIMIT_S:.0f} s; "
            f"run it in {service.folder} to see why"
        ) from error
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    if process.returncode:
        said = "\n".join(output.decode("utf-8", "replace").strip().splitlines()[-LAST_LINES:])
        command = " ".join(("npm", *(each for each in arguments if not each.startswith("--"))))
        raise StartError(f"{service.name}: {command} failed; run it in {service.folder} to mend it:\n{said}")


def _finish(root: Path) -> None:
    """Lets every user read the build, and only us change it; hidden files, which may hold secrets, go."""
    for hidden in root.glob(".*"):
        if hidden.is_dir() and not hidden.is_symlink():
            shutil.rmtree(hidden)
        else:
            hidden.unlink()
    root.chmod(0o755)
    for folder, folders, files in os.walk(root):
        for path in (Path(folder, name) for name in (*folders, *files)):
            if not path.is_symlink():
                executable = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(0o755 if executable else 0o644)


def _remove_old(builds: Path, kept: Collection[str]) -> None:
    """Removes the builds beyond the newest, but for those in `kept`."""
    found = sorted(builds.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in found[KEPT:]:
        if old.name not in kept:
            shutil.rmtree(old, ignore_errors=True)
