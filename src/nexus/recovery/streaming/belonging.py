"""Which cluster a place's files are of: two clusters' WAL has the same names, and must never be mixed.

The file `repository` says it, with a checksum of its own: it is not sealed, so that it can be read without a
key. The local place of another cluster is moved aside as a whole, nothing of it is deleted, and it comes back
with its cluster; other places of another cluster are refused until they get a folder of their own.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nexus.recovery import layout
from nexus.recovery.errors import Damaged, Missing, PlaceError
from nexus.recovery.places import Place
from nexus.recovery.repository import Repository

log = logging.getLogger("nexus.recovery")

FORMAT = 2
UNCHECKED = 1  # the format that had no checksum yet


async def system_of(place: Place, scratch: Path) -> str | None:
    """The identifier of the cluster whose files a place holds; None where nobody has said so yet.

    Raises:
        PlaceError: it cannot be reached.
        Damaged: the file that says so cannot be read.
    """
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=scratch) as room:
        file = Path(room, "repository")
        try:
            await place.get(layout.REPOSITORY, file)
        except Missing:
            return None
        text = await asyncio.to_thread(file.read_bytes)
    try:
        return _system(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(
            f"place {place.name}: the file {layout.REPOSITORY} cannot be read ({error}); put another place's "
            "copy there"
        ) from error


async def claim(repository: Repository, system: str) -> None:
    """Says that the first place's files are of this cluster.

    Raises:
        PlaceError: they are of another one, or it cannot be written.
        Damaged: what is written there cannot be read.
    """
    found = await system_of(repository.first, repository.scratch)
    if found == system:
        return
    if found is not None:
        raise _foreign(repository.first, found, system)
    told = {"format": FORMAT, "system": system, "recipients": repository.keys.recipients}
    with tempfile.TemporaryDirectory(dir=repository.scratch) as room:
        file = Path(room, "repository")
        text = json.dumps({**told, "sha256": _digest(told)}) + "\n"
        await asyncio.to_thread(file.write_text, text)
        await repository.first.put(layout.REPOSITORY, file)


async def check(place: Place, system: str, scratch: Path) -> None:
    """Makes sure that a place holds nothing of another cluster.

    Raises:
        PlaceError: it does, or it cannot be reached.
        Damaged: what is written there cannot be read.
    """
    found = await system_of(place, scratch)
    if found not in (None, system):
        raise _foreign(place, found, system)


async def mend(local: Place, others: Sequence[Place], system: str, known: str, scratch: Path) -> None:
    """Writes a file anew that cannot be read, where another place's copy, or what was streamed last
    (`known`), says that it was this cluster's.

    Raises:
        Damaged: nobody says so.
        PlaceError: it cannot be written.
    """
    try:
        await system_of(local, scratch)
        return
    except Damaged as error:
        damaged = error
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=scratch) as room:
        for place in others:
            copy = Path(room, place.name)
            try:
                if await system_of(place, scratch) != system:
                    continue
                await place.get(layout.REPOSITORY, copy)
            except (PlaceError, Damaged) as error:
                log.info("%s", error)
                continue
            await local.delete([layout.REPOSITORY])
            await local.put(layout.REPOSITORY, copy)
            log.error("%s: it was written anew, from the copy in %s", damaged, place.name)
            return
    if known != system:
        raise damaged
    await local.delete([layout.REPOSITORY])  # `claim` writes it anew
    log.error("%s: it is written anew; this cluster's was what was streamed last", damaged)


async def set_aside(local: Path, place: Place, system: str, scratch: Path) -> Path | None:
    """Moves the local place aside when it is another cluster's, and brings back what was moved aside of this
    one; returns where to it was moved, None where it stays.

    Raises:
        PlaceError: it cannot be moved.
        Damaged: what is written there cannot be read.
    """
    found = await system_of(place, scratch)
    if found == system:
        return None
    aside: Path | None = None
    if found is not None:
        aside = _aside(local, found)
        _move(local, aside, f"backups of another database ({found})")
        log.error("backups of another database (%s) were moved aside, to %s", found, aside)
    before = max(_asides(local, system), default=None)
    if before is not None and not (local.exists() and any(local.iterdir())):
        if local.exists():
            local.rmdir()
        _move(before[1], local, f"this database's own backups ({system})")
        log.error("this database (%s) is back: its backups in %s are used again", system, before[1])
    return aside


def _asides(local: Path, system: str) -> list[tuple[int, Path]]:
    """Where backups of a cluster were moved to, by number."""
    begin = f"{local.name}-of-{system}"
    found = [
        (each.name.removeprefix(begin).removeprefix("."), each) for each in local.parent.glob(f"{begin}*")
    ]
    return [(int(number or 1), each) for number, each in found if number == "" or number.isdigit()]


def _aside(local: Path, system: str) -> Path:
    number = max((number for number, _ in _asides(local, system)), default=0) + 1
    return local.with_name(f"{local.name}-of-{system}" + (f".{number}" if number > 1 else ""))


def _move(here: Path, there: Path, what: str) -> None:
    try:
        here.rename(there)
    except OSError as error:
        raise PlaceError(f"{here} holds {what} and cannot be moved to {there}: {error}") from error


def _system(told: dict[str, Any]) -> str:
    """What the file says. Raises ValueError, KeyError, TypeError where it is not what was written."""
    digest = told.pop("sha256", None)
    if told["format"] != UNCHECKED and digest != _digest(told):
        raise ValueError("its bytes were changed")
    return str(told["system"])


def _digest(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _foreign(place: Place, found: str | None, system: str) -> PlaceError:
    return PlaceError(
        f"place {place.name} holds backups of another database (system {found}, this one is {system}); "
        "nothing is written there. Give this stack a folder or prefix of its own in nexus.yaml "
        "(recovery.places), or move those away"
    )
