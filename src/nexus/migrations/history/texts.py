"""What a migration said when it was applied, found by the checksum that was recorded then."""

from __future__ import annotations

import asyncio
import difflib
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from nexus.migrations.migration import Migration

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

VERSIONS = 50  # of a file, that git is asked for
PATIENCE = 5.0  # seconds for all of git's answers
LINES = 200  # of a diff that are shown
COMPARED = 2000  # lines that differ or lie between such, that are compared
CONTEXT = 2  # lines around a difference
_HUNK = re.compile(r"^@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@$")
_KEPT = "SELECT content FROM nexus.script WHERE checksum = $1"


async def recorded_text(
    connection: Connection, checksum: str, file: Path, patience: float = PATIENCE
) -> str | None:
    """The text with this checksum: what Nexus kept, else a version of `file` in git, which is waited for
    `patience` seconds at most; None: nobody has it.
    """
    if await connection.fetchval("SELECT to_regclass('nexus.script')") is not None:
        kept: str | None = await connection.fetchval(_KEPT, checksum)
        if kept is not None:
            return kept
    if patience <= 0:
        return None
    try:
        return await asyncio.wait_for(_from_git(checksum, file), patience)
    except TimeoutError:
        return None


def difference(name: str, before: str, after: str) -> str:
    """The unified diff of what was applied and what the file says, at most `LINES` long.

    Scripts of many lines are compared from the first to the last line that differs, up to `COMPARED` lines.
    """
    old, new = before.splitlines(), after.splitlines()
    first = _alike(old, new)
    last = min(_alike(old[::-1], new[::-1]), len(old) - first, len(new) - first)
    start = max(0, first - CONTEXT)
    old, new = old[start : len(old) - last + CONTEXT], new[start : len(new) - last + CONTEXT]
    titles = f"{name} (applied)", f"{name} (file)"
    lines = list(difflib.unified_diff(old[:COMPARED], new[:COMPARED], *titles, lineterm="", n=CONTEXT))
    more = len(lines) - LINES + max(0, len(old) - COMPARED) + max(0, len(new) - COMPARED)
    shown = [_HUNK.sub(lambda hunk: _moved(hunk, start), line) for line in lines[:LINES]]
    return "\n".join(shown + ([f"… {more} more lines"] if more > 0 else []))


def _moved(hunk: re.Match[str], lines: int) -> str:
    """The header of a hunk of texts that had as many lines before them."""
    return f"@@ -{int(hunk[1]) + lines}{hunk[2] or ''} +{int(hunk[3]) + lines}{hunk[4] or ''} @@"


def _alike(old: list[str], new: list[str]) -> int:
    """How many lines at the beginning are the same."""
    return next(
        (n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
    )


async def _from_git(checksum: str, file: Path) -> str | None:
    folder = next((each for each in file.absolute().parents if each.is_dir()), None)
    if folder is None or shutil.which("git") is None:
        return None
    log = await _git(folder, "log", "--all", f"-n{VERSIONS}", "--format=%H", "--", str(file.absolute()))
    for commit in log.decode().split():
        path = os.path.relpath(file.absolute(), folder)
        content = await _git(folder, "cat-file", "blob", f"{commit}:./{path}")
        text = content.decode(errors="replace").removeprefix("\ufeff")
        if content and Migration(file.parent.name, text, "").has_checksum(checksum):
            return text
    return None


async def _git(folder: Path, *arguments: str) -> bytes:
    """What git prints; nothing where it refuses, as outside a repository."""
    process = await asyncio.create_subprocess_exec(
        "git",
        "-C",
        str(folder),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        printed, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    return printed if process.returncode == 0 else b""
