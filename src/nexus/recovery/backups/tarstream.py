"""A tar stream, read as it passes by: where each file begins, and what some of them hold (POSIX ustar)."""

from __future__ import annotations

from collections.abc import Collection

from nexus.recovery.errors import RecoveryFailed

BLOCK = 512
_NAME, _SIZE, _PREFIX = slice(0, 100), slice(124, 136), slice(345, 500)


class TarStream:
    """Feed it all of the stream, in order. `kept`: name → what the file of that name held, of `wanted`.

    `ended`: whether the two empty blocks that end a tar have been seen. `files`: how many there were.
    """

    def __init__(self, wanted: Collection[str]) -> None:
        self.kept: dict[str, bytes] = {}
        self.ended = False
        self.files = 0
        self._wanted = wanted
        self._head = bytearray()
        self._name = ""
        self._content: bytearray | None = None
        self._left = 0  # of the present file
        self._padding = 0  # after it

    def feed(self, data: memoryview) -> None:
        """Reads on.

        Raises:
            RecoveryFailed: this is no tar.
        """
        at = 0
        while at < len(data):
            if self._left:
                taken = min(self._left, len(data) - at)
                if self._content is not None:
                    self._content += data[at : at + taken]
                self._left -= taken
                at += taken
                if not self._left:
                    self._keep()
            elif self._padding:
                taken = min(self._padding, len(data) - at)
                self._padding -= taken
                at += taken
            else:
                taken = min(BLOCK - len(self._head), len(data) - at)
                self._head += data[at : at + taken]
                at += taken
                if len(self._head) == BLOCK:
                    self._begin(bytes(self._head))
                    self._head.clear()

    def _begin(self, head: bytes) -> None:
        if not any(head):
            self.ended = True
            return
        if head[257:262] != b"ustar":
            raise RecoveryFailed("what pg_basebackup sends is no tar; was its output cut?")
        name, prefix = _text(head[_NAME]), _text(head[_PREFIX])
        self._name = f"{prefix}/{name}" if prefix else name
        size = _number(head[_SIZE])
        self.files += 1
        self._left, self._padding = size, -size % BLOCK
        self._content = bytearray() if self._name in self._wanted else None
        if not size:
            self._keep()

    def _keep(self) -> None:
        if self._content is not None:
            self.kept[self._name] = bytes(self._content)
            self._content = None


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(field: bytes) -> int:
    """Octal digits, or from 8 GB on base 256 (GNU)."""
    if field[0] & 0x80:
        return int.from_bytes(field, "big") & ((1 << 95) - 1)
    return int(field.rstrip(b"\0 ") or b"0", 8)
