"""What a Docker engine sends as a container's log: frames → lines with the engine's own time.

Format: https://docs.docker.com/reference/api/engine/version/v1.46/#tag/Container/operation/ContainerAttach. A
line above 16 KB comes in several frames, each with a time of its own; only the last ends with a newline.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from nexus.telemetry.parsing import LONGEST

STAMP = 64  # bytes: a time, the space behind it, and one more to see that a line is too long
_HEADER = struct.Struct(">BxxxL")


@dataclass(frozen=True)
class Line:
    """One line and the engine's times of its first frame and of its latest one. `fresh`: nothing was
    unfinished when its first frame came and no other line ended before it did, so it is the first one that
    whoever begins to read there will find.
    """

    text: bytes
    stamp: str
    latest: str
    fresh: bool


@dataclass
class _Unfinished:
    stamp: str
    latest: str
    fresh: bool
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, stamp: str, text: bytes) -> None:
        self.latest = max(self.latest, stamp)
        if self.size <= LONGEST:
            self.pieces.append(text)
        self.size += len(text)

    def line(self) -> Line:
        text = b"".join(self.pieces).rstrip(b"\r\n")
        return Line(text[: LONGEST + 1], self.stamp, self.latest, self.fresh)


class Frames:
    """Cuts the stream of one answer into lines. `multiplexed`: frames have a header; else it is what a
    terminal shows.
    """

    def __init__(self, multiplexed: bool) -> None:
        self._multiplexed = multiplexed
        self._bytes = b""
        self._open: dict[int, _Unfinished] = {}

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """The lines that are complete now, in the order of their ends."""
        self._bytes += chunk
        for stream, payload in self._payloads():
            first, _, text = payload.partition(b" ")
            stamp = first.decode("ascii", "replace")
            line = self._open.get(stream)
            if line is None:
                line = self._open[stream] = _Unfinished(stamp, stamp, not self._open)
            line.add(stamp, text)
            if payload.endswith(b"\n"):
                yield self._open.pop(stream).line()
                for other in self._open.values():
                    other.fresh = False

    def _payloads(self) -> Iterator[tuple[int, bytes]]:
        data, place = self._bytes, 0
        if not self._multiplexed:
            *lines, rest = data.split(b"\n")
            self._bytes = rest[: LONGEST + STAMP]
            for line in lines:
                yield 1, line + b"\n"
            return
        while len(data) - place >= _HEADER.size:
            stream, length = _HEADER.unpack_from(data, place)
            end = place + _HEADER.size + length
            if end > len(data):
                break
            yield stream, data[place + _HEADER.size : end]
            place = end
        self._bytes = data[place:]
