"""nginx configurations, read with crossplane: directives with lines and the blocks they stand in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crossplane  # type: ignore[import-untyped]


@dataclass(frozen=True)
class Directive:
    """One directive: name, arguments, line, what is inside it, and what is around it (outermost first)."""

    name: str
    args: tuple[str, ...]
    line: int
    block: tuple[Directive, ...]
    around: tuple[tuple[str, tuple[str, ...]], ...]

    def walk(self) -> Iterator[Directive]:
        """Yield this directive and all inside it."""
        yield self
        for each in self.block:
            yield from each.walk()


@dataclass(frozen=True)
class NginxFile:
    """One configuration file; `fault` says why it cannot be read, with its line."""

    path: Path
    directives: tuple[Directive, ...]
    fault: tuple[int, str] | None = None

    def all(self, *names: str) -> Iterator[Directive]:
        """Yield every directive of some names, at any depth."""
        for top in self.directives:
            for each in top.walk():
                if each.name in names:
                    yield each


def read_nginx(root: Path, path: Path) -> NginxFile:
    """Read one file alone: includes are named, not followed."""
    payload: dict[str, Any] = crossplane.parse(
        str(root / path), single=True, catch_errors=True, check_ctx=False, check_args=False
    )
    config = payload["config"][0]
    fault = None
    for error in config["errors"]:
        fault = (int(error.get("line") or 1), str(error["error"]).split(" in ")[0])
        break
    return NginxFile(path, tuple(_directives(config["parsed"], ())), fault)


def _directives(
    parsed: list[dict[str, Any]], around: tuple[tuple[str, tuple[str, ...]], ...]
) -> Iterator[Directive]:
    for each in parsed:
        name, args = str(each["directive"]), tuple(str(arg) for arg in each.get("args", ()))
        inside = tuple(_directives(each.get("block") or [], (*around, (name, args))))
        yield Directive(name, args, int(each["line"]), inside, around)
