"""Whom the agent may ask: what the stack's manifests name, and nothing else, so that it is no open proxy."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nexus.telemetry.agent.journal import say

QUESTIONS = ("metrics", "live", "ready", "business")


class TargetsError(ValueError):
    """A list of targets is not what it should be; says where."""


@dataclass(frozen=True)
class Target:
    """A service and what each of its instances is asked on `port`: paths, "" for what is not asked.

    `candidate` is the name of those of a release that is let in; `hosts` are the names that instances are
    looked for under.
    """

    service: str
    port: int
    metrics: str = ""
    live: str = ""
    ready: str = ""
    business: str = ""
    candidate: str = ""
    hosts: tuple[str, ...] = ()

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
        self._known = self._read()

    def __len__(self) -> int:
        return len(self._known)

    def permits(self, target: Target) -> bool:
        """Whether the target is in the list with all that is asked of it."""
        known = self._known.get((target.service, target.port))
        return known is not None and target.paths() <= known.paths()

    def aimed(self, target: Target, let_in: Container[str]) -> Target:
        """A target that is permitted, with the names of its hosts: of its candidate too if that is `let_in`.
        What the list says counts, not what was asked.
        """
        candidate = self._known[target.service, target.port].candidate
        also = (candidate,) if candidate and target.service in let_in else ()
        return replace(target, candidate=candidate, hosts=(target.service, *also))

    def renew(self) -> None:
        """Reads the file again."""
        try:
            self._known = self._read()
        except TargetsError as error:
            say("error", f"the former targets stay: {error}")
        else:
            say("info", "targets read", targets=len(self))

    def _read(self) -> dict[tuple[str, int], Target]:
        try:
            found = targets_in(json.loads(self._file.read_text()))
        except (OSError, ValueError) as error:
            raise TargetsError(f"{self._file}: {error}") from error
        return {(each.service, each.port): each for each in found}


def targets_in(value: Any) -> tuple[Target, ...]:
    """The targets in `{"targets": [{"service", "port", "metrics", "live", "ready", "business", …}]}`.

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
    paths: dict[str, Any] = {question: value.get(question) or "" for question in QUESTIONS}
    for question, path in paths.items():
        if not isinstance(path, str) or (path and not path.startswith("/")):
            raise TargetsError(f"targets[{index}].{question} is no path")
    candidate = value.get("candidate") or ""
    if not isinstance(candidate, str):
        raise TargetsError(f"targets[{index}].candidate is no name")
    return Target(service, port, candidate=candidate, **paths)
