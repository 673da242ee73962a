"""The patterns of .gitignore and .dockerignore files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Pattern:
    """One line of an ignore file: what it matches, and whether it takes back what was ignored."""

    expression: re.Pattern[str]
    negated: bool
    folders_only: bool
    line: int


@dataclass(frozen=True)
class IgnoreFile:
    """The patterns of one file, in their order: the last that matches decides."""

    patterns: tuple[Pattern, ...]

    def ignores(self, path: str, folder: bool = False) -> bool:
        """Tell whether a path (relative, with /) or a folder above it is ignored."""
        return self.line_for(path, folder) > 0

    def line_for(self, path: str, folder: bool = False) -> int:
        """Return the line of the pattern that ignores a path, or 0."""
        parts = path.strip("/").split("/")
        decided = 0
        for end in range(1, len(parts) + 1):
            part = "/".join(parts[:end])
            is_folder = folder or end < len(parts)
            for pattern in self.patterns:
                if (not pattern.folders_only or is_folder) and pattern.expression.fullmatch(part):
                    decided = 0 if pattern.negated else pattern.line
        return decided


def gitignore(lines: Iterable[str]) -> IgnoreFile:
    """Read a .gitignore: a pattern without a slash matches at any depth."""
    return IgnoreFile(tuple(_patterns(lines, anywhere=True)))


def dockerignore(lines: Iterable[str]) -> IgnoreFile:
    """Read a .dockerignore: every pattern starts at the root of the context."""
    return IgnoreFile(tuple(_patterns(lines, anywhere=False)))


def _patterns(lines: Iterable[str], anywhere: bool) -> Iterable[Pattern]:
    for number, raw in enumerate(lines, 1):
        text = raw.strip()
        if not text or text.startswith("#"):
            continue
        negated = text.startswith("!")
        text = text[1:].strip() if negated else text
        folders_only = text.endswith("/") and anywhere
        text = text.rstrip("/").removeprefix("./")
        floating = anywhere and "/" not in text
        text = text.lstrip("/")
        if not text:
            continue
        expression = ("(?:.*/)?" if floating else "") + translate(text)
        try:
            yield Pattern(re.compile(expression), negated, folders_only, number)
        except re.error:
            continue  # a pattern that neither git nor Docker can read matches nothing


def translate(glob: str) -> str:
    """Return the regular expression of a glob in which `**` crosses folders and `*` does not."""
    out, index = "", 0
    while index < len(glob):
        if glob.startswith("**/", index):
            out, index = out + "(?:.*/)?", index + 3
        elif glob.startswith("**", index):
            out, index = out + ".*", index + 2
        elif glob[index] == "*":
            out, index = out + "[^/]*", index + 1
        elif glob[index] == "?":
            out, index = out + "[^/]", index + 1
        elif glob[index] == "[" and (end := glob.find("]", index + 2)) > 0:
            inner = glob[index + 1 : end]
            inner = "^" + inner[1:] if inner.startswith("!") else inner
            out, index = out + f"[{inner}]", end + 1
        elif glob[index] == "\\" and index + 1 < len(glob):
            out, index = out + re.escape(glob[index + 1]), index + 2
        else:
            out, index = out + re.escape(glob[index]), index + 1
    return out
