"""A restore in place that was begun: what was chosen, and how far it is. Killed, the same command reads it.

HOME/recovery/restoring/begun.json     the one that has not ended
HOME/recovery/restoring/last.json      the one that ended last: what `nexus restore --undo` takes back
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from nexus.control.addresses import Refused
from nexus.control.restoring.requests import Wish
from nexus.recovery.restoring.target import Target
from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts

FOLDER = "recovery/restoring"
# beside: the living data were not touched; swapping, undoing: they are being exchanged, or put back;
# exchanged, undone: that is over, with releases and caches: what is left is to start, and to look whether all
# is right.
Phase = Literal["beside", "swapping", "exchanged", "undoing", "undone"]
HALFWAY = ("swapping", "undoing")
UNDOING = ("undoing", "undone")


@dataclass(frozen=True)
class Begun:
    """What was chosen. `stamp` names the folders; `target` is exact, so that going on reaches the same;
    `backup` is begun from; `reaches` says it in words, `lost` what comes after it, and `at` (seconds since
    the epoch) when the last transaction in it was committed, as far as that is known; `releases` (service →
    id) are to be stable afterwards, `before` were before; `place`: see `RestoreRequest`. `done`: the ids of
    the steps that ended well. `notes`: what the operator should know. `broken`: the invariants that did not
    hold in what was restored, which the operator overrode.
    """

    stamp: str
    wish: Wish
    target: Target
    backup: str
    reaches: str
    lost: str = ""
    at: float | None = None
    minutes: float = 0.0
    bytes: int = 0
    place: str = ""
    releases: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    phase: Phase = "beside"
    done: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    def with_done(self, step: str) -> Begun:
        """The same, one step further."""
        return self if step in self.done else replace(self, done=(*self.done, step))

    def text(self) -> str:
        """As it is kept."""
        return json.dumps({**asdict(self), "wish": self.wish.model_dump()}, ensure_ascii=False, indent=1)

    @classmethod
    def of(cls, text: str) -> Begun:
        """What `text` wrote. Raises ValueError, KeyError or TypeError when it is something else."""
        told: dict[str, Any] = json.loads(text)
        known = {"wish": Wish(**told["wish"]), "target": Target(**told["target"])}
        lists = {name: tuple(told[name]) for name in ("done", "notes", "broken")}
        names = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in {**told, **known, **lists}.items() if name in names})


@dataclass(frozen=True)
class Notes:
    """The files of one home."""

    home: Home

    @property
    def folder(self) -> Path:
        """Where they lie, with what is restored beside them."""
        return self.home.root / FOLDER

    @property
    def _begun(self) -> Path:
        return self.folder / "begun.json"

    @property
    def _last(self) -> Path:
        return self.folder / "last.json"

    def begun(self) -> Begun | None:
        """The restore that has not ended.

        Raises:
            Refused: its file cannot be read.
        """
        return _read(self._begun)

    def last(self) -> Begun | None:
        """The one that ended last. Raises as `begun` does."""
        return _read(self._last)

    def keep(self, begun: Begun) -> None:
        """Notes how far it is; durable when this returns."""
        accounts.private_folder(self.folder, None)
        accounts.private_file(self._begun, begun.text(), None)
        _sync(self._begun, self.folder)

    def finish(self) -> None:
        """It ended: it can be taken back from now on."""
        if self._begun.exists():
            self._begun.replace(self._last)
            _sync(self.folder)

    def forget(self) -> None:
        """Nothing is begun, and nothing can be taken back."""
        for file in (self._begun, self._last):
            file.unlink(missing_ok=True)

    def drop(self) -> None:
        """What was begun is given up; what ended before can still be taken back."""
        self._begun.unlink(missing_ok=True)


def new_stamp(now: float) -> str:
    """What the folders of a restore that begins now are called by."""
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"


def refuse_unfinished(home: Home) -> None:
    """Nobody starts the stack while its data are being exchanged.

    Raises:
        Refused: a restore is in the middle of that; says how to go on.
    """
    begun = Notes(home).begun()
    if begun is not None and begun.phase in HALFWAY:
        how = "--undo" if begun.phase == "undoing" else "--resume"
        raise Refused(
            f"a restore to {begun.reaches} was begun and has not ended; `nexus restore {how}` goes on with it"
            + ("" if begun.phase == "undoing" else ", `nexus restore --undo` takes it back")
        )


def _read(path: Path) -> Begun | None:
    try:
        return Begun.of(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(
            f"{path} says which restore was begun, and cannot be read ({error}); look which data lie in "
            f"{path.parents[2] / 'data'}, then remove the file"
        ) from error


def _sync(*paths: Path) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
