"""What exchanging a database's data asks of a runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Exchange(Protocol):
    """The data of one database. Each act does nothing where it was done already: it may be repeated after it
    was cut short anywhere. `stamp` names the folders of one restore.
    """

    @property
    def carried(self) -> bool:
        """Whether restored data must be carried to where the server finds them."""

    def restored(self, stamp: str) -> Path:
        """Where a restore writes: a folder of this machine."""

    async def check(self) -> None:
        """Whether the data can be exchanged from here.

        Raises:
            Refused: they cannot; says how to restore nevertheless.
        """

    async def former(self, stamp: str) -> str:
        """Where the present data will lie, or lie already; "" where there are none."""

    async def carry(self, stamp: str) -> None:
        """Brings what was restored beside the present data. Raises StartError."""

    async def kept(self, stamp: str) -> bool:
        """Whether the former data are still there, aside or in their place."""

    async def swap(self, stamp: str, again: bool) -> None:
        """Moves the present data aside, and what was restored into their place; nothing is deleted, nothing
        written over. The server must be down. `again`: whether it was begun before: only then may it be that
        what was restored is in its place already, and nothing was there to be moved aside.

        Raises:
            StartError: it cannot be.
        """

    async def swap_back(self, stamp: str) -> None:
        """Moves what was restored aside, and the former data back. The server must be down. Raises
        StartError.
        """

    def left(self, stamp: str) -> str:
        """Where what was restored lies once it was taken back."""

    def discard(self, stamp: str, restored: bool = False) -> str:
        """The command that deletes the former data, or what was `restored` and taken back."""

    async def drop(self, stamp: str) -> None:
        """Removes what was restored and is not in its place, with what killed restores left of it."""
