"""What is backed up: a stack, the server that holds its data, and what is known of both at this moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nexus.recovery.backups.cache import Cache
from nexus.runtimes.home import Home
from nexus.stack import Stack

LARGE = 256 << 20  # bytes; fewer are sealed before anybody notices


@dataclass(frozen=True)
class Source:
    """`url`: the superuser's address of the database that holds the schemas. `releases`: service → its stable
    release. `cache`: where the cache answers, None without one.

    `artefacts`: whether what releases run from is stored too, so that an empty machine can start them.
    `large`: of how many bytes the database must be for users to come first; ten times that for an incremental
    backup.
    """

    stack: Stack
    home: Home
    url: str = field(repr=False)
    releases: Mapping[str, str] = field(default_factory=dict)
    cache: Cache | None = None
    scheduled: bool = False
    artefacts: bool = True
    large: int = LARGE

    @property
    def folder(self) -> Path:
        """What recovery itself keeps in the home."""
        return self.home.root / "recovery"

    @property
    def manifests(self) -> Path:
        """PostgreSQL's manifests of the latest backups, for the next incremental one."""
        return self.folder / "manifests"

    @property
    def begun(self) -> Path:
        """Which backups this home has begun and not ended: what they leave is cleared."""
        return self.folder / "begun"

    @property
    def work(self) -> Path:
        """What is on its way while a backup is taken; emptied by the next one."""
        return self.folder / "backup"
