"""Dockerfiles: stages and their instructions, with lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_HEREDOC = re.compile(r"<<-?\s*([\"']?)(\w+)\1")
_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in capitals, its value with continuations joined, and its first line."""

    name: str
    value: str
    line: int
    heredoc: str = ""

    @property
    def flags(self) -> dict[str, str]:
        """The leading `--name=value` words."""
        found: dict[str, str] = {}
        for word in self.value.split():
            if not word.startswith("--"):
                break
            name, _, value = word[2:].partition("=")
            found[name] = value
        return found

    @property
    def rest(self) -> str:
        """The value without its leading flags."""
        return re.sub(r"^(--\S+\s+)+", "", self.value)

    @property
    def shell(self) -> str:
        """What a RUN, CMD, ENTRYPOINT or HEALTHCHECK runs, as one shell text."""
        text = self.heredoc if self.heredoc and self.name == "RUN" else self.rest
        words = exec_form(text)
        return " ".join(words) if words is not None else text


@dataclass(frozen=True)
class Stage:
    """One FROM and what follows it."""

    name: str
    base: str
    line: int
    instructions: tuple[Instruction, ...]

    def all(self, *names: str) -> tuple[Instruction, ...]:
        return tuple(each for each in self.instructions if each.name in names)

    def last(self, name: str) -> Instruction | None:
        found = self.all(name)
        return found[-1] if found else None


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile: its stages in order, and the ARGs above the first."""

    path: Path
    stages: tuple[Stage, ...]
    arguments: dict[str, str] = field(default_factory=dict)

    def stage(self, target: str | None) -> Stage | None:
        """Return the stage of a name or number, or the last; None when there is none."""
        if not target:
            return self.stages[-1] if self.stages else None
        for index, stage in enumerate(self.stages):
            if stage.name.lower() == target.lower() or str(index) == target:
                return stage
        return None

    def lineage(self, stage: Stage) -> tuple[Stage, ...]:
        """Return the stages that a stage is built from by FROM, itself last."""
        chain = [stage]
        while (below := self._named(chain[0].base, before=chain[0].line)) is not None:
            chain.insert(0, below)
        return tuple(chain)

    def base(self, stage: Stage) -> str:
        """Return the image at the bottom of a stage, ARG defaults filled in."""
        return self.lineage(stage)[0].base

    def _named(self, name: str, before: int) -> Stage | None:
        for stage in self.stages:
            if stage.name and stage.name.lower() == name.lower() and stage.line < before:
                return stage
        return None


def exec_form(text: str) -> list[str] | None:
    """Return the words of a JSON array, or None when the text is in shell form."""
    if not text.lstrip().startswith("["):
        return None
    try:
        words = json.loads(text)
    except ValueError:
        return None
    return [str(word) for word in words] if isinstance(words, list) else None


def read_dockerfile(path: Path, text: str) -> Dockerfile:
    """Read a Dockerfile; what is no instruction is left out."""
    arguments: dict[str, str] = {}
    stages: list[tuple[str, str, int, list[Instruction]]] = []
    for each in instructions(text):
        if each.name == "FROM":
            words = _filled(each.rest, arguments).split()
            name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""
            stages.append((name, words[0] if words else "", each.line, []))
        elif stages:
            stages[-1][3].append(each)
        elif each.name == "ARG":
            name, _, value = each.value.partition("=")
            arguments[name.strip()] = value.strip().strip("\"'")
    return Dockerfile(path, tuple(Stage(n, b, at, tuple(i)) for n, b, at, i in stages), arguments)


def _filled(text: str, arguments: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name, default = match.group(1) or match.group(3), match.group(2)
        return arguments.get(name) or default or match.group(0)

    return re.sub(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))", value, text)


def instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile; comments, continuations and here-documents are understood."""
    escape = "`" if re.match(r"\s*#\s*escape\s*=\s*`", text, re.IGNORECASE) else "\\"
    lines = text.splitlines()
    index = 0
    while index < len(lines):
        line = lines[index]
        if not line.strip() or line.lstrip().startswith("#"):
            index += 1
            continue
        start = index
        parts: list[str] = []
        while index < len(lines):
            piece = lines[index]
            index += 1
            if parts and (piece.lstrip().startswith("#") or not piece.strip()):
                continue
            if piece.rstrip().endswith(escape):
                parts.append(piece.rstrip()[:-1])
                continue
            parts.append(piece)
            break
        match = _INSTRUCTION.fullmatch("\n".join(parts).strip())
        if match is None:
            continue
        name, value = match.group(1).upper(), match.group(2).replace("\n", " ").strip()
        body: list[str] = []
        for _, word in _HEREDOC.findall(value) if name in {"RUN", "COPY", "ADD"} else ():
            while index < len(lines) and lines[index].strip() != word:
                body.append(lines[index])
                index += 1
            index += 1
        yield Instruction(name, value, start + 1, "\n".join(body))
