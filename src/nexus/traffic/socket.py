"""HAProxy's runtime socket: one command in, its answer out."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nexus.traffic.errors import Refused, ServerBusy, TrafficError, UnknownServer, Unreachable

_YES = ("New server registered.", "Server deleted.")
_NO: tuple[tuple[str, type[TrafficError]], ...] = (
    ("no such server", UnknownServer),
    ("no such backend", UnknownServer),
    ("can't find backend", UnknownServer),
    ("can't find server", UnknownServer),
    ("unknown server", UnknownServer),
    ("unknown backend", UnknownServer),
    ("still has connections", ServerBusy),
)


class RuntimeSocket:
    """The Unix socket of `stats socket ... level admin`. Each call is a connection of its own."""

    def __init__(self, path: Path, timeout: float = 5.0) -> None:
        self.path = path
        self._timeout = timeout

    async def ask(self, command: str) -> str:
        """Send a command and return what HAProxy says. Raises Unreachable when nothing answers in time."""
        if "\n" in command or ";" in command:
            raise Refused(f"{command!r} is more than one command")
        try:
            async with asyncio.timeout(self._timeout):
                reader, writer = await asyncio.open_unix_connection(str(self.path))
                try:
                    writer.write(f"{command}\n".encode())
                    await writer.drain()
                    return (await reader.read()).decode("utf-8", "replace").strip()
                finally:
                    writer.close()
        except TimeoutError as error:
            raise Unreachable(f"HAProxy did not answer on {self.path} within {self._timeout} s") from error
        except OSError as error:
            raise Unreachable(
                f"HAProxy does not answer on {self.path} ({error.strerror or error})"
            ) from error

    async def change(self, command: str, target: str) -> None:
        """Send a command that changes `target`. Raises what fits HAProxy's refusal."""
        said = await self.ask(command)
        if (
            not said
            or said in _YES
            or any(line.startswith(f"Server {target} ") for line in said.splitlines())
        ):
            return
        for words, kind in _NO:
            if words in said.lower():
                raise kind(f"{command}: {said}")
        raise Refused(f"{command}: {said}")
