"""The last words of a container, for a sentence that says why it ended."""

from __future__ import annotations

import json

from nexus.runtimes.containers.engine import Engine, EngineError

LIMIT = 5.0  # seconds


async def last_words(engine: Engine, *logs: str) -> str:
    """The last line that `docker LOGS` prints, as `; its last words: …`, or nothing."""
    errors: list[str] = []
    try:
        out = await engine.command(*logs, said=errors.append, timeout=LIMIT)
    except EngineError:  # it is gone with what it wrote
        return ""
    lines = [line.strip() for line in (*out.splitlines(), *errors) if any(map(str.isalpha, line))]
    return f"; its last words: {_message(lines[-1])}" if lines else ""


def _message(line: str) -> str:
    """The message of a line of JSON, or the line."""
    try:
        told = json.loads(line)
    except ValueError:
        return line[:300]
    return str(told.get("message", line))[:300] if isinstance(told, dict) else line[:300]
