"""What lies where in a place, and how backups are called.

    repository                             which cluster this is, and for whom it is sealed (plain JSON)
    backups/ID/manifest                    what the backup is (BackupManifest); written last: it makes it one
    backups/ID/base/00001 …                the cluster's files: one stream (tar), cut into parts
    backups/ID/files                       PostgreSQL's own backup_manifest
    backups/ID/home/NAME                   what else belongs to the stack: configuration, secrets, the cache
    wal/00000001/SEGMENT                   one whole WAL segment, by timeline
    wal/00000001/SEGMENT+FROM-TO           bytes of a segment that is still being filled (hexadecimal)
    wal/00000002.history                   where a timeline branched off
    reports/NAME                           reports of drills
    artefacts/KIND/NAME/CONTENT/FOR/0001 … what releases run from, kept once for all backups that name it

All but `repository` is sealed. IDs sort by time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal, NamedTuple

REPOSITORY = "repository"
BACKUPS, WAL, REPORTS, ARTEFACTS = "backups/", "wal/", "reports/", "artefacts/"
PART_BYTES = 32 << 20  # of the stream of a cluster's files, before they are sealed
SEGMENT_BYTES = 16 << 20
ID = re.compile(r"^\d{8}T\d{6}Z-(full|incremental)$")
_SEGMENT = re.compile(r"^wal/[0-9A-F]{8}/([0-9A-F]{24})$")
_CHUNK = re.compile(r"^wal/[0-9A-F]{8}/([0-9A-F]{24})\+([0-9A-F]+)-([0-9A-F]+)$")

Kind = Literal["full", "incremental"]


class Chunk(NamedTuple):
    """Bytes `start` to `end` (exclusive) of a segment that was not full yet."""

    segment: str
    start: int
    end: int


def new_id(kind: Kind, at: float) -> str:
    """The name of a backup that begins at `at` (seconds since the epoch)."""
    return f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}-{kind}"


def began(backup: str) -> float:
    """When a backup says it began, in seconds since the epoch."""
    return datetime.strptime(backup[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


def folder(backup: str) -> str:
    """What all keys of a backup begin with."""
    return f"{BACKUPS}{backup}/"


def manifest(backup: str) -> str:
    """The key that makes a backup one."""
    return f"{folder(backup)}manifest"


def part(backup: str, number: int) -> str:
    """The key of one part, counted from 1."""
    return f"{folder(backup)}base/{number:05d}"


def files(backup: str) -> str:
    """The key of PostgreSQL's own manifest."""
    return f"{folder(backup)}files"


def home(backup: str, name: str) -> str:
    """The key of something else of the stack."""
    return f"{folder(backup)}home/{name}"


def segment(name: str) -> str:
    """The key of a whole WAL segment; its name begins with its timeline."""
    return f"{WAL}{name[:8]}/{name}"


def chunk(name: str, start: int, end: int) -> str:
    """The key of bytes of a segment that is not full yet."""
    return f"{WAL}{name[:8]}/{name}+{start:X}-{end:X}"


def history(timeline: int) -> str:
    """The key of where a timeline branched off."""
    return f"{WAL}{timeline:08X}.history"


def segment_of(key: str) -> str | None:
    """The whole segment that a key names."""
    found = _SEGMENT.match(key)
    return found[1] if found else None


def chunk_of(key: str) -> Chunk | None:
    """The bytes of a segment that a key names."""
    found = _CHUNK.match(key)
    return Chunk(found[1], int(found[2], 16), int(found[3], 16)) if found else None
