"""Which Compose files run together: a base with its override, a base with one variant, or a file alone."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nexus.audit import roles
from nexus.audit.project import ProjectFiles
from nexus.composefile import PROJECT_FILES, ComposeError, Fault, Place, Project, read_project

UNSET = "set-by-the-operator"
"""Stands for a variable that the files require and nothing here sets."""

WITHOUT_ENV_FILES = "nexus-audit-without-env-files"
"""The name of the file that is laid over a project whose env_files are absent."""

_OVERRIDE = re.compile(r"(docker-)?compose\.override\.ya?ml")
_MISSING = re.compile(r"services\.(.+)\.env_file(?:\.\d+)?")
_REQUIRED = re.compile(r"\$\{(\w+):?\?")


@dataclass(frozen=True)
class Combination:
    """Compose files that are read as one, relative to the root, and whether production runs them."""

    files: tuple[Path, ...]
    production: bool


@dataclass(frozen=True)
class Outline:
    """The names of a file's services, and those that bring no image of their own."""

    services: frozenset[str]
    partial: frozenset[str]


def combinations(project: ProjectFiles) -> tuple[Combination, ...]:
    """Return what can be started from a project's Compose files, folder by folder."""
    folders: dict[Path, list[Path]] = {}
    for path in project.compose:
        folders.setdefault(path.parent, []).append(path)
    return tuple(each for files in folders.values() for each in _in_folder(project, files))


def _in_folder(project: ProjectFiles, files: list[Path]) -> list[Combination]:
    by_name = {path.name: path for path in files}
    base = next((by_name[name] for name in PROJECT_FILES if name in by_name), None)
    override = next((path for path in files if _OVERRIDE.fullmatch(path.name)), None)
    variants = [path for path in files if path not in (base, override)]
    found, replaced = [], False
    for path in variants:
        own = outline(project.text(path))
        overlay = base is not None and _lies_over(own, outline(project.text(base)))
        if not overlay and own.partial:
            continue  # a fragment for a base that is not here; alone it says nothing
        production = not roles.for_development(path)
        replaced = replaced or (roles.for_production(path) and base is not None)
        found.append(Combination((base, path) if overlay and base else (path,), production))
    if base is not None:
        together = (base, override) if override else (base,)
        found.insert(0, Combination(together, not replaced and not roles.for_development(base)))
    return found


def _lies_over(own: Outline, base: Outline) -> bool:
    return bool(own.partial & base.services) or (own.services < base.services and bool(own.services))


def outline(text: str) -> Outline:
    """Read the names of services and whether each has an image, by indentation alone."""
    services: dict[str, bool] = {}
    inside, depth, current = False, 0, ""
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        if indent == 0:
            inside, depth, current = stripped.rstrip().startswith("services:"), 0, ""
        elif inside:
            depth = depth or indent
            if indent == depth and (match := re.match(r"[\"']?([\w.-]+)[\"']?\s*:(.*)", stripped)):
                current = match.group(1)
                services[current] = bool(re.search(r"image|build|extends|\*", match.group(2)))
            elif current and re.match(r"(image|build|extends|<<)\s*:", stripped):
                services[current] = True
    return Outline(frozenset(services), frozenset(name for name, whole in services.items() if not whole))


def read_combination(project: ProjectFiles, combination: Combination) -> tuple[Project, tuple[Fault, ...]]:
    """Read files as Compose would on a machine where nothing is set; missing env_files are told, not refused.

    Raises ComposeError.
    """
    files = [project.root / path for path in combination.files]
    environment = _environment(project, combination)
    try:
        return read_project(*files, environment=environment), ()
    except ComposeError as error:
        services = {match[1] for each in error.faults if (match := _MISSING.fullmatch(each.field))}
        told = tuple(each for each in error.faults if _MISSING.fullmatch(each.field))
        if not services or len(told) < len(error.faults):
            raise
        with tempfile.TemporaryDirectory() as folder:
            without = Path(folder) / f"{WITHOUT_ENV_FILES}.yaml"
            lines = (f"  {json.dumps(name)}: {{env_file: !reset []}}\n" for name in sorted(services))
            without.write_text("services:\n" + "".join(lines), encoding="utf-8")
            return read_project(*files, without, environment=environment), told


def _environment(project: ProjectFiles, combination: Combination) -> Mapping[str, str]:
    dotenv = combination.files[0].parent / ".env"
    known = (
        set(re.findall(r"^\s*(?:export\s+)?(\w+)\s*=", project.text(dotenv), re.MULTILINE))
        if (project.exists(dotenv))
        else set()
    )
    needed = {name for path in combination.files for name in _REQUIRED.findall(project.text(path))}
    return dict.fromkeys(needed - known, UNSET)


def unreadable(error: ComposeError, root: Path) -> tuple[Fault, ...]:
    """Return an error's faults with paths relative to the project's root."""
    return tuple(
        Fault(Place(relative(each.at.file, root), each.at.line), each.field, each.what, each.mend)
        for each in error.faults
    )


def relative(path: Path, root: Path) -> Path:
    """Return a path relative to the root, or as it is when it lies outside."""
    for base in (root, root.resolve()):
        if path.is_relative_to(base):
            return path.relative_to(base)
    return path
