"""Whom the agent may ask: what the stack's manifests name, and nothing else, so that it is no open proxy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus.telemetry.agent.journal import say

QUESTIONS = ("metrics", "live", "ready", "business")


class TargetsError(ValueError):
    """A list of targets is not what it should be; says where."""


@dataclass(frozen=True)
class Target:
    """A service and what each of its instances is asked on `port`: paths, "" for what is not asked."""

    service: str
    port: int
    metrics: str = ""
    live: str = ""
    ready: str = ""
    business: str = ""

    def paths(self) -> frozenset[str]:
        """All that it is asked."""
        return frozenset({self.metrics, self.live, self.ready, self.business} - {""})


class Allowed:
    """The list in a file. `renew` reads it again; a list that cannot be read leaves the former one in force.

    Raises:
        TargetsError: the file cannot be read at the start.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._paths = self._read()

    def __len__(self) -> int:
        return len(self._paths)

    def permits(self, target: Target) -> bool:
        """Whether the target is in the list with all that is asked of it."""
        known = self._paths.get((target.service, target.port))
        return known is not None and target.paths() <= known

    def renew(self) -> None:
        """Reads the file again."""
        try:
            self._paths = self._read()
        except TargetsError as error:
            say("error", f"the former targets stay: {error}")
        else:
            say("info", "targets read", targets=len(self))

    def _read(self) -> dict[tuple[str, int], frozenset[str]]:
        try:
            found = targets_in(json.loads(self._file.read_text()))
        except (OSError, ValueError) as error:
            raise TargetsError(f"{self._file}: {error}") from error
        return {(each.service, each.port): each.paths() for each in found}


def targets_in(value: Any) -> tuple[Target, ...]:
    """The targets in `{"targets": [{"service", "port", "metrics", "live", "ready", "business"}, …]}`.

    Raises:
        TargetsError: the value has another shape.
    """
    listed = value.get("targets") if isinstance(value, Mapping) else None
    if not isinstance(listed, list):
        raise TargetsError('write {"targets": [...]}')
    return tuple(_target(index, each) for index, each in enumerate(listed))


def _target(index: int, value: Any) -> Target:
    if not isinstance(value, Mapping):
        raise TargetsError(f"targets[{index}] is no object")
    service, port = value.get("service"), value.get("port")
    if not isinstance(service, str) or not service:
        raise TargetsError(f"targets[{index}].service is no name")
    if not isinstance(port, int) or not 0 < port < 65536:
        raise TargetsError(f"targets[{index}].port is no port")
    paths = {question: value.get(question) or "" for question in QUESTIONS}
    for question, path in paths.items():
        if not isinstance(path, str) or (path and not path.startswith("/")):
            raise TargetsError(f"targets[{index}].{question} is no path")
    return Target(service, port, **paths)
