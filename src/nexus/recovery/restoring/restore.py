"""A cluster from its backups: fetched, verified, replayed to where it should be, promoted, stopped."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import secrets
import shutil
import sys
import time
from pathlib import Path

from nexus.migrations.rehearsing import leftovers
from nexus.migrations.rehearsing.sentence import Say, Sentence, unsaid
from nexus.postgres import Cluster, ServerFailed
from nexus.recovery import lsn
from nexus.recovery.backups.server import BINARIES
from nexus.recovery.backups.turn import reading, turn
from nexus.recovery.errors import NoRoom, RecoveryFailed, WrongVersion
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.archive import MAJOR
from nexus.recovery.restoring.choice import Choice
from nexus.recovery.restoring.feed import Feed
from nexus.recovery.restoring.files import lay_out
from nexus.recovery.restoring.rates import note_rates
from nexus.recovery.restoring.replay import Replayed, hand_over, replay, settings, there
from nexus.recovery.restoring.target import Reached
from nexus.runtimes.home import closed_to_others
from nexus.runtimes.process import accounts

WALKABLE = 0o711  # its users can walk through, and not list
CONFIGURATION = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf")
SEGMENT = re.compile(r"^[0-9A-F]{24}$")
TOLD_EVERY = 256 << 20  # bytes of WAL


async def restore(
    choice: Choice,
    repository: Repository,
    data: Path,
    say: Say = unsaid,
    rates: Path | None = None,
    gentle: bool = False,
) -> Reached:
    """Makes `data` (not there, or an empty folder) the data folder of a cluster that was recovered to what
    was chosen, promoted, and stopped orderly. Nothing is there before all of it is; killed, the same call
    removes what was left and begins anew. `rates`: where it is noted how fast it was. `gentle`: whether
    everybody else on this machine comes first.

    Raises:
        RecoveryFailed: `data` holds something, another restore is at it, or the server could not recover.
        NoRoom: the disk is too small.
        Damaged, Missing, PlaceError, WrongKey: what is needed is intact in no place that can be reached.
        Unreachable, WrongVersion: it does not lead where it should.
    """
    data = data.absolute()
    if data.exists() and any(data.iterdir()):
        raise RecoveryFailed(f"{data} is not empty; nothing is written over: name another folder")
    _check(choice, data.parent)
    root = _root(data)
    _walkable(root)
    try:
        with turn(root / "lock", f"a restore into {data}"):
            await asyncio.to_thread(_clear, root)
            place = root / secrets.token_hex(4)
            _walkable(place)
            leftovers.claim(place)
            try:
                reached = await recover(
                    choice, repository, place / "data", place / "server", say, True, gentle
                )
                _move(place / "data", data)
            finally:
                await asyncio.to_thread(_clear, root)
                (root / "lock").unlink(missing_ok=True)
    finally:
        if not any(root.iterdir()):
            root.rmdir()
    if rates is not None:
        note_rates(rates, reached)
    return reached


def forget(data: Path) -> None:
    """Removes what a killed restore into `data` left beside it, and ends its server.

    Raises:
        RecoveryFailed: one is under way.
    """
    root = _root(data)
    if not root.is_dir():
        return
    with turn(root / "lock", f"removing what a restore into {data} left"):
        _clear(root)
        shutil.rmtree(root)


async def recover(
    choice: Choice,
    repository: Repository,
    data: Path,
    folder: Path,
    say: Say = unsaid,
    durable: bool = True,
    gentle: bool = False,
) -> Reached:
    """The same into a folder that nobody else knows of: `data` is not there yet, and is not removed when it
    fails. `folder`: for the server's log. `durable`: whether all is on the disk when it returns. Nothing is
    pruned while it reads. Raises as `restore` does.
    """
    _check(choice, data.parent)
    cluster = Cluster(data, folder, gentle=gentle)
    accounts.private_folder(folder, cluster.account)
    async with reading(repository.scratch.parent, f"a restore of backup {choice.backup.id}"):
        spent = await lay_out(choice, repository, data, cluster.programs, say)
        await asyncio.to_thread(_without_wal, data)
        former = {name: (data / name).read_text() for name in CONFIGURATION if (data / name).exists()}
        began = time.monotonic()
        replayed = await _replayed(cluster, choice, repository, say)
    hand_over(data, former, cluster)
    if durable:
        await asyncio.to_thread(_sync, data)
    return Reached(
        choice.backup.id,
        replayed.at or choice.at,
        replayed.lsn,
        replayed.timeline,
        replayed.said,
        fetched=spent.fetched,
        replayed=time.monotonic() - began,
        verified=spent.verified,
        bytes=choice.bytes,
        wal=choice.wal,
    )


async def _replayed(cluster: Cluster, choice: Choice, repository: Repository, say: Say) -> Replayed:
    """Runs the server until it is promoted and stopped."""
    told = choice.legs[0].start

    def served(place: int) -> None:
        nonlocal told
        if place - told >= TOLD_EVERY:
            told = place
            at = lsn.text(place)
            say(Sentence("the WAL is replayed: {place} of {end}", place=at, end=choice.lsn))

    folder, limit = cluster.folder / "wal", choice.stop.limit
    segment, account = choice.backup.segment, cluster.account
    feed = Feed(repository, folder, account, segment, limit, choice.needs, choice.timeline, served)
    cluster.settings = {**cluster.settings, **settings(choice, feed.command)}
    say(Sentence("{mb} MB of WAL are replayed", mb=round(choice.wal / 1e6)))
    try:
        async with feed.serving():
            try:
                return there(await replay(cluster, choice), choice)
            finally:
                await asyncio.shield(cluster.stop())
    except RecoveryFailed:
        if feed.trouble is not None:  # why the server was stopped says more than that it was
            raise feed.trouble from None
        raise
    except ServerFailed as error:
        raise RecoveryFailed(str(error)) from error


def _root(data: Path) -> Path:
    """Where a restore works before `data` appears."""
    return data.with_name(f".{data.name}.restoring")


def _without_wal(data: Path) -> None:
    """What a backup brings of the WAL goes: only the archive's, cut where it must end, is replayed."""
    for file in (data / "pg_wal").iterdir():
        if SEGMENT.match(file.name):
            file.unlink()


def _check(choice: Choice, parent: Path) -> None:
    """What would make a restore fail later."""
    major = choice.backup.version // MAJOR
    if major != BINARIES:
        raise WrongVersion(
            f"backup {choice.backup.id} is of PostgreSQL {major} and takes its programs; this Nexus "
            f"brings those of {BINARIES}"
        )
    if not parent.is_dir():
        raise RecoveryFailed(f"there is no folder {parent}; make it first")
    closed = closed_to_others(parent / "x") if accounts.can_drop() else None
    if closed is not None:
        raise RecoveryFailed(
            f"{closed} is closed to other users, and PostgreSQL runs as one: chmod o+x {closed}, or name a "
            "folder elsewhere"
        )
    free = shutil.disk_usage(parent).free
    if free < choice.room:
        raise NoRoom(
            f"{parent}: {free / 1e9:.1f} GB are free, and the restore needs {choice.room / 1e9:.1f} GB; make "
            "room, or name a folder on a larger disk"
        )


def _walkable(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(WALKABLE if accounts.can_drop() else 0o700)


def _clear(root: Path) -> None:
    """Removes what a restore left. A program of a killed one may still write for a moment."""
    for place in [each for each in root.iterdir() if each.is_dir()]:
        while place.exists():
            leftovers.clear(place)


def _move(data: Path, to: Path) -> None:
    """Gives it its name, durably."""
    if to.exists():
        to.rmdir()
    data.rename(to)
    handle = os.open(to.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync(data: Path) -> None:
    """Everything to the disk, in one call for the whole file system where there is one (syncfs(2))."""
    if not sys.platform.startswith("linux"):
        os.sync()
        return
    handle = os.open(data, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle):
            error = ctypes.get_errno()
            raise RecoveryFailed(f"{data} could not be brought to the disk: {os.strerror(error)}")
    finally:
        os.close(handle)
