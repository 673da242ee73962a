"""Positions in a stream: how far the consumer groups are, as Redis tells it."""

from __future__ import annotations

from typing import Any, NamedTuple

from nexus_kit.redis_link import RedisLink, ReplyError

_MAX_N = 2**63 - 1


class Position(NamedTuple):
    """A stream id (milliseconds, number within them); ordered as Redis orders ids."""

    ms: int
    n: int

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read ``1700000000000-0``."""
        ms, _, n = text.partition("-")
        return cls(int(ms), int(n or 0))

    def before(self) -> Position:
        """The greatest position below this one."""
        if self.n > 0:
            return Position(self.ms, self.n - 1)
        return Position(self.ms - 1, _MAX_N) if self.ms > 0 else START

    def __str__(self) -> str:
        return f"{self.ms}-{self.n}"


START = Position(0, 0)
END = Position(_MAX_N, _MAX_N)


async def last_generated(link: RedisLink, stream: str) -> Position | None:
    """Return the last id the stream ever gave out, or None when there is no such stream."""
    try:
        info = pairs(await link.call("XINFO", "STREAM", stream))
    except ReplyError as error:
        if "no such key" in str(error):
            return None
        raise
    return Position.parse(info["last-generated-id"])


async def acknowledged(link: RedisLink, stream: str) -> dict[str, Position]:
    """Return for each consumer group the position up to which it has acknowledged everything."""
    try:
        groups = [pairs(group) for group in await link.call("XINFO", "GROUPS", stream)]
    except ReplyError as error:
        if "no such key" in str(error):
            return {}
        raise
    safe: dict[str, Position] = {}
    for group in groups:
        position = Position.parse(group["last-delivered-id"])
        if group["pending"]:
            oldest = (await link.call("XPENDING", stream, group["name"]))[1]
            if oldest is not None:
                position = min(position, Position.parse(oldest).before())
        safe[group["name"]] = position
    return safe


def pairs(flat: list[Any]) -> dict[str, Any]:
    """Turn Redis's flat key/value list into a dict."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
