"""What a backup is: enough to restore it, and to know afterwards whether the company is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nexus.recovery.errors import Damaged, WrongVersion
from nexus.recovery.layout import Kind

FORMAT = 1


@dataclass(frozen=True)
class Stored:
    """A sealed file: its key, its size as stored, the SHA-256 of what is stored, and how large it was."""

    key: str
    bytes: int
    sha256: str
    plain: int


@dataclass(frozen=True)
class Total:
    """One number of the business, as decimal text. `of`: of what, where the total has several, for example a
    period.
    """

    name: str
    title: str
    unit: str
    of: str
    value: str


@dataclass(frozen=True)
class Totals:
    """The numbers of the business at one place in the WAL: whoever recovers to `lsn`, exclusively, must find
    the same. `exact` is false where that place is not known; `why`: why not, and what could not be counted.
    """

    lsn: str
    at: float
    exact: bool
    totals: tuple[Total, ...]
    why: str = ""


@dataclass(frozen=True)
class BackupManifest:
    """A backup. Times in seconds since the epoch, places in the WAL as PostgreSQL writes them.

    `parent`: the backup that an incremental one builds on. `system`: the cluster's system identifier.
    `version`: its server_version_num. `segment`: the size of its WAL's segments. `start_lsn`, `end_lsn`: the
    WAL that must be replayed for it to be consistent. `plain`: bytes before they were sealed. `releases`:
    service → its stable release. `migrations`: module → the last one applied. `home`: what else of the stack
    is in it.
    """

    id: str
    kind: Kind
    parent: str | None
    stack: str
    system: str
    version: int
    timeline: int
    segment: int
    start_lsn: str
    end_lsn: str
    began: float
    ended: float
    plain: int
    parts: tuple[Stored, ...]
    files: Stored
    home: tuple[Stored, ...] = ()
    totals: Totals | None = None
    releases: Mapping[str, str] = field(default_factory=dict)
    migrations: Mapping[str, str] = field(default_factory=dict)
    nexus: str = ""
    scheduled: bool = False
    format: int = FORMAT

    @property
    def stored(self) -> tuple[Stored, ...]:
        """All of its files but the manifest."""
        return (*self.parts, self.files, *self.home)

    @property
    def size(self) -> int:
        """Bytes in a place."""
        return sum(each.bytes for each in self.stored)

    def json(self) -> bytes:
        """As it is sealed."""
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @classmethod
    def read(cls, text: bytes) -> BackupManifest:
        """Reads what `json` wrote.

        Raises:
            WrongVersion: a later Nexus wrote it.
            Damaged: it is none.
        """
        try:
            told: dict[str, Any] = json.loads(text)
            if told["format"] != FORMAT:
                raise WrongVersion(
                    f"backup {told.get('id')} has format {told['format']}, this Nexus reads {FORMAT}; "
                    f"restore it with Nexus {told.get('nexus') or 'of its time'}"
                )
            totals = told["totals"]
            if totals is not None:
                totals = Totals(**{**totals, "totals": tuple(Total(**each) for each in totals["totals"])})
            lists = {name: tuple(Stored(**each) for each in told[name]) for name in ("parts", "home")}
            return cls(**{**told, **lists, "files": Stored(**told["files"]), "totals": totals})
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"a backup's manifest cannot be read ({error})") from error
