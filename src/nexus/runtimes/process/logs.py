"""Reading a service's log while it is written and rotated."""

from __future__ import annotations

import os

from nexus.runtimes.home import Home

CHUNK = 1 << 16


class Log:
    """One service's log: its last lines, then what is new."""

    def __init__(self, home: Home, service: str) -> None:
        self._path = home.log(service)
        self._old = self._path.with_name(self._path.name + ".1")
        self._position = 0
        self._rest = b""

    def last(self, count: int) -> list[str]:
        """The last `count` lines; `new` goes on from there."""
        found, self._position = _tail(self._path, count)
        if len(found) < count and self._old.exists():
            found = [*_tail(self._old, count - len(found))[0], *found]
        return found

    def new(self) -> list[str]:
        """Whole lines written since the last call."""
        if not self._path.exists():
            return []
        with open(self._path, "rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            if size < self._position:  # its head was cut off
                self._position = 0 if size == 0 else size
            handle.seek(self._position)
            text = self._rest + handle.read()
            self._position = handle.tell()
        *whole, self._rest = text.split(b"\n")
        return [line.decode("utf-8", "replace") for line in whole]


def _tail(path: os.PathLike[str], count: int) -> tuple[list[str], int]:
    with open(path, "rb") as handle:
        end = position = handle.seek(0, os.SEEK_END)
        text = b""
        while position > 0 and text.count(b"\n") <= count:
            step = min(CHUNK, position)
            position -= step
            handle.seek(position)
            text = handle.read(step) + text
            if text.startswith(b"\0"):  # the freed head of a rotated log
                break
    lines = text.strip(b"\0").splitlines()[-count:] if count > 0 else []
    return [line.decode("utf-8", "replace") for line in lines], end
