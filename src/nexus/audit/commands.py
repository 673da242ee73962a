"""Every shell command that a project runs, wherever it is written: scripts, images, CI, npm, Makefiles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nexus.audit.project import ProjectFiles
from nexus.audit.readers.dockerfile import Dockerfile
from nexus.audit.readers.shell import Command, Statement, statements

_FUNCTION = re.compile(r"(?:function\s+)?([\w-]+)\s*\(\)\s*\{?|function\s+([\w-]+)")
Origin = Literal["script", "build", "start", "package", "ci", "make"]


@dataclass(frozen=True)
class Ran:
    """A statement, its place, and where it comes from (`build` is RUN, `start` is CMD or ENTRYPOINT)."""

    statement: Statement
    file: Path
    line: int
    origin: Origin
    name: str = ""

    @property
    def text(self) -> str:
        return self.statement.text

    @property
    def commands(self) -> tuple[Command, ...]:
        return self.statement.commands


def script_commands(project: ProjectFiles, path: Path) -> tuple[Ran, ...]:
    """Return the statements of one shell script; their name is that of the function around them."""
    found, function = [], ""
    for each in statements(project.text(path)):
        if match := _FUNCTION.match(each.text):
            function = match.group(1) or match.group(2)
        found.append(Ran(each, path, each.line, "script", function))
        if each.text.startswith("}"):
            function = ""
    return tuple(found)


def image_commands(dockerfile: Dockerfile) -> Iterator[Ran]:
    """Yield what a Dockerfile runs at build and at start."""
    for stage in dockerfile.stages:
        for each in stage.all("RUN", "CMD", "ENTRYPOINT"):
            origin: Origin = "build" if each.name == "RUN" else "start"
            for statement in statements(each.shell):
                yield Ran(statement, dockerfile.path, each.line, origin, stage.name)


def package_commands(project: ProjectFiles) -> Iterator[Ran]:
    """Yield the scripts of every package.json."""
    for path in project.named("package.json"):
        text = project.text(path)
        try:
            scripts = json.loads(text).get("scripts") or {}
        except (ValueError, AttributeError):
            continue  # npm itself will say what is wrong with the file
        for name, value in scripts.items() if isinstance(scripts, dict) else ():
            line = _line_of(text, f'"{name}"')
            for statement in statements(str(value)):
                yield Ran(statement, path, line, "package", name)


def ci_commands(project: ProjectFiles) -> Iterator[Ran]:
    """Yield the commands of CI files: `run:` and `script:` values, and list items that look like commands."""
    for path in project.ci:
        for line, text in _yaml_commands(project.lines(path)):
            for statement in statements(text):
                yield Ran(statement, path, line + statement.line - 1, "ci")


def make_commands(project: ProjectFiles) -> Iterator[Ran]:
    """Yield the recipe lines of Makefiles, with the name of their target."""
    for path in project.named("Makefile", "makefile", "GNUmakefile"):
        target = ""
        for number, line in enumerate(project.lines(path), 1):
            if match := re.match(r"([\w.-]+)\s*:(?!=)", line):
                target = match.group(1)
            elif line.startswith("\t"):
                for statement in statements(line.strip().lstrip("@-")):
                    yield Ran(statement, path, number, "make", target)


def short(text: str) -> str:
    """Return a command for a sentence: on one line, cut when it is long."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def _line_of(text: str, part: str) -> int:
    position = text.find(part)
    return text.count("\n", 0, position) + 1 if position >= 0 else 1


def _yaml_commands(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Find shell in CI YAML by its keys; a reader of one CI's whole language is not needed for that."""
    index = 0
    while index < len(lines):
        match = re.match(r"^(\s*)(?:-\s+)?(?:run|script|command)\s*:\s*(.*)$", lines[index])
        index += 1
        if match is None:
            continue
        indent, value = len(match.group(1)), match.group(2).strip()
        if value and value[0] not in "|>":
            yield index, value.strip("\"'")
            continue
        start, block = index, []
        while index < len(lines) and (
            not lines[index].strip()
            or len(lines[index]) - len(lines[index].lstrip()) > indent
            or (not value and lines[index].lstrip().startswith("- ") and _depth(lines[index]) >= indent)
        ):
            block.append(lines[index])
            index += 1
        if value:
            yield start + 1, "\n".join(block)
        else:
            for offset, line in enumerate(block):
                item = line.strip()
                if item.startswith("- "):
                    yield start + 1 + offset, item[2:].strip().strip("\"'")


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
