"""What an incremental backup builds on, and why a full one must be taken where there is nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from nexus.recovery import layout
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.backups.server import Server, summarised
from nexus.recovery.errors import RecoveryError
from nexus.recovery.repository import Repository
from nexus.runtimes.process import accounts

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

KEPT = 3  # PostgreSQL's manifests that are kept unsealed for the next backup


@dataclass(frozen=True)
class Link:
    """The backup to build on (None: none), and `why` there is none."""

    parent: BackupManifest | None
    why: str = ""


async def link(connection: Connection, server: Server, repository: Repository) -> Link:
    """The newest backup of this cluster on its timeline, if the server still knows what changed since."""
    if not server.summaries:
        return Link(None, "the server does not note which blocks change (summarize_wal is off)")
    why = "there is no backup of this cluster yet"
    for name in reversed(await repository.ids()):
        try:
            found = await repository.backup(name)
        except RecoveryError as error:
            why = f"backup {name} cannot be read ({error})"
            continue
        if found.system != server.system:
            continue
        if found.timeline != server.timeline:
            return Link(None, f"the server went on to timeline {server.timeline} since backup {name}")
        if not await summarised(connection, found.timeline, found.start_lsn):
            return Link(None, f"the server no longer knows what changed since backup {name}")
        return Link(found)
    return Link(None, why)


async def parents_manifest(parent: BackupManifest, repository: Repository, kept: Path) -> bytes:
    """PostgreSQL's manifest of a backup, from where it is kept unsealed, or from a place.

    Raises:
        Missing, Damaged, WrongKey, PlaceError: it is in no place, or cannot be read.
    """
    try:
        text = await asyncio.to_thread((kept / parent.id).read_bytes)
    except FileNotFoundError:
        text = b""
    if len(text) == parent.files.plain:
        return text
    return await repository.read(layout.files(parent.id))


def keep_manifest(kept: Path, backup: str, text: bytes) -> None:
    """Keeps PostgreSQL's manifest of a backup at hand, and those of the latest ones before it."""
    accounts.private_folder(kept, None)
    draft = kept / f".{backup}.new"
    draft.write_bytes(text)
    draft.chmod(0o600)
    draft.replace(kept / backup)
    for old in sorted(each for each in kept.iterdir() if layout.ID.match(each.name))[:-KEPT]:
        old.unlink(missing_ok=True)
