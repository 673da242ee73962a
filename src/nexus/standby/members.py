"""The data folders of one database: the primary's, the standby's, and a former primary's.

    data/postgres            the primary's: a folder, or after the first failover a link to it
    data/postgres-standby    a link to the standby's
    data/postgres@2 …        the folders themselves, unless the operator named a place

A running server is started on the folder itself, so that links can move while it runs.
"""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from nexus.runtimes.home import Home
from nexus.standby.errors import StandbyError


def standby_name(service: str) -> str:
    """The name under which the standby of a database is kept."""
    return f"{service}-standby"


def entry_name(service: str) -> str:
    """The name of what holds the database's stable port while the primary listens elsewhere."""
    return f"{service}-entry"


def free_member(home: Home, service: str, at: Path | None = None) -> Path:
    """Where a further data folder of a database goes: the next number, or `at`.

    Raises:
        StandbyError: `at` is not absolute, or holds something.
    """
    if at is None:
        own = home.data(service)
        return next(path for n in count(2) if not os.path.lexists(path := own.with_name(f"{own.name}@{n}")))
    if not at.is_absolute():
        raise StandbyError(f"{at} is no absolute path; write one, for example /mnt/disk2/postgres")
    if at.is_file() or (at.is_dir() and any(at.iterdir())):
        raise StandbyError(f"{at} holds something already; name a folder that is empty or not there")
    return at


def former_member(home: Home, service: str, epoch: int) -> Path:
    """Where the folder that lies in the place of the link goes in the takeover of this number."""
    own = home.data(service)
    return own.with_name(f"{own.name}@moved-{epoch}")


def point(home: Home, name: str, to: Path, aside: Path | None = None) -> None:
    """Makes `data/NAME` a link to the folder `to`; a folder in its place goes to `aside`.

    Killed in between, it goes on where it was when it is called again.
    """
    link = home.data(name)
    if link.resolve() == to.resolve():
        return
    if link.is_dir() and not link.is_symlink():
        if aside is None:
            raise StandbyError(f"{link} is a folder, not a link; move it away")
        link.rename(aside)
    draft = link.with_name(f".{link.name}.new")
    draft.unlink(missing_ok=True)
    same = to.parent.resolve() == link.parent.resolve()
    draft.symlink_to(to.name if same else to)
    draft.replace(link)


def unlink(home: Home, name: str) -> None:
    """Removes the link `data/NAME`; the folder stays."""
    link = home.data(name)
    if link.is_symlink():
        link.unlink()
