"""The sources of a stack as a runtime runs them."""

from __future__ import annotations

from nexus.control.keeper import RuntimeName
from nexus.runtimes.process.versions import versioned
from nexus.stack import Stack


def as_run(sources: Stack, runtime: RuntimeName) -> Stack:
    """On a bare machine, the version of a program is part of the release; in containers, its image is."""
    return versioned(sources) if runtime == "process" else sources
