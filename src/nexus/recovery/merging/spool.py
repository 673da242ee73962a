"""The files of one comparison: what a merge writes, and every difference for people and programs.

FOLDER/merge.json         the difference, once all of it is there
FOLDER/rows.jsonl         every difference, one a line
FOLDER/0001.gone          rows to bring back: lines of COPY, as then
FOLDER/0001.changed       rows to put back: as then, and as now
FOLDER/0001.added         rows to take away: as now

They hold rows of the business: only their owner reads them, and they are deleted once they are merged, or a
day old.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Literal

from nexus.recovery.errors import MergeRefused
from nexus.recovery.merging.difference import Difference, Row
from nexus.runtimes.process import accounts

BLOCK = 1 << 20  # bytes
KEPT = 24 * 3600.0  # seconds
Part = Literal["gone", "changed", "added"]
PARTS: tuple[Part, ...] = ("gone", "changed", "added")


class Spool:
    """One comparison's files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def rows(self) -> Path:
        """Every difference."""
        return self.folder / "rows.jsonl"

    def part(self, file: str, part: Part) -> Path:
        """The rows of one table that are treated alike."""
        return self.folder / f"{file}.{part}"

    def whole(self, file: str, part: Part, sum_: int | None) -> bool:
        """Whether the rows are there as they were written. `sum_`: their CRC-32."""
        found = 0
        try:
            with open(self.part(file, part), "rb") as data:
                while block := data.read(BLOCK):
                    found = zlib.crc32(block, found)
        except FileNotFoundError:
            return False
        return found == sum_

    def begin(self) -> None:
        """An empty folder."""
        if self.folder.exists():
            shutil.rmtree(self.folder)
        accounts.private_folder(self.folder, None)

    def finish(self, difference: Difference) -> None:
        """All is there."""
        accounts.private_file(self.folder / "merge.json", difference.text(), None)

    def read(self) -> Difference:
        """What was found.

        Raises:
            MergeRefused: it is not there any more, or was cut short.
        """
        try:
            return Difference.of((self.folder / "merge.json").read_text())
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MergeRefused(
                f"the comparison {self.folder.name} is not there any more; run the command anew"
            ) from error

    def differences(self) -> Iterator[dict[str, object]]:
        """Every difference, as JSON tells it."""
        with open(self.rows, encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)

    def remove(self) -> None:
        """Nothing is left of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


class TableSpool:
    """What is written while one table is compared. Files are made when there is something for them."""

    def __init__(self, spool: Spool, table: str, file: str) -> None:
        self._spool = spool
        self._table = table
        self._file = file
        self._open: dict[str, IO[bytes]] = {}
        self._stack = ExitStack()
        self.sums: dict[str, int] = {}

    def __enter__(self) -> TableSpool:
        return self

    def __exit__(self, *error: object) -> None:
        with self._stack:  # closes them, whatever happens
            for each in self._open.values():
                each.flush()
                os.fsync(each.fileno())

    def write(self, part: Part, *values: bytes) -> None:
        """One line of COPY."""
        line = b"\t".join(values) + b"\n"
        self.sums[part] = zlib.crc32(line, self.sums.get(part, 0))
        self._to(self._spool.part(self._file, part)).write(line)

    def tell(self, row: Row) -> None:
        """One difference."""
        text = json.dumps(row.as_dict(self._table), ensure_ascii=False)
        self._to(self._spool.rows).write(text.encode() + b"\n")

    def _to(self, path: Path) -> IO[bytes]:
        found = self._open.get(path.name)
        if found is None:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            found = os.fdopen(handle, "wb")
            self._open[path.name] = self._stack.enter_context(found)
        return found


def clear_old(folder: Path, now: float | None = None) -> None:
    """Deletes comparisons that nobody came back to. `now` in seconds since the epoch."""
    if not folder.is_dir():
        return
    limit = (time.time() if now is None else now) - KEPT
    for each in folder.iterdir():
        if each.stat().st_mtime < limit:
            shutil.rmtree(each, ignore_errors=True)
