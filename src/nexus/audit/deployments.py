"""Which Compose files run together: a base with its override, a base with one variant, or a file alone."""

from __future__ import annotations

import json
import os
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

FIRST_UNSET_PORT = 60001
"""Ports from here on stand for variables that nothing here sets."""

_LIKELY = (
    (r"LOCATION|PATH|_DIR$|FOLDER|_ROOT$|VOLUME", f"/{UNSET}"),
    (r"IMAGE", f"{UNSET}:1"),
    (r"REGISTRY|DOCKERHUB|REPO|NAMESPACE|OWNER", UNSET),
    (r"INTERVAL|TIMEOUT|PERIOD", "30s"),
    (r"RETRIES|REPLICAS|CPUS?$|COUNT|WORKERS", "2"),
    (r"MEM(ORY)?(_LIMIT)?$", "1G"),
)
"""What a variable of such a name would hold, where a file cannot be read without a value."""

_EXAMPLE = re.compile(r"\.?env.*(example|sample|template|dist).*|(example|sample).*\.env")
_PLAIN = re.compile(r"(?<!\$)\$\{?(\w+)\}?(?![\w:?+-])")
_OVERRIDE = re.compile(r"(docker-)?compose\.override\.ya?ml")
_TELLING = frozenset([".sh", ".md", ".yml", ".yaml", "Makefile", "package.json", "justfile", ".service"])
_CALL = re.compile(
    r"docker[- ]compose((?:[ \t]+(?:\\\n\s*)?(?:-f|--file|--env-file|-p|--profile)[= ][ \t]*\S+)+)"
)
_MISSING = re.compile(r"services\.(.+)\.env_file(?:\.\d+)?")
_REQUIRED = re.compile(r"\$\{(\w+):?\?")


@dataclass(frozen=True)
class Combination:
    """Compose files that are read as one, relative to the root, and whether production runs them.

    `otherwise` are the files to read when these alone cannot be.
    """

    files: tuple[Path, ...]
    production: bool
    otherwise: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Outline:
    """The names of a file's services, and those that bring no image of their own."""

    services: frozenset[str]
    partial: frozenset[str]


def combinations(project: ProjectFiles) -> tuple[Combination, ...]:
    """Return what can be started from a project's Compose files, folder by folder.

    What scripts, Makefiles and texts start together with `-f A -f B` counts first; names tell the rest.
    """
    folders: dict[Path, list[Path]] = {}
    for path in project.compose:
        folders.setdefault(path.parent, []).append(path)
    told = called_together(project)
    return tuple(each for files in folders.values() for each in _in_folder(project, files, told))


def _in_folder(
    project: ProjectFiles, files: list[Path], told: tuple[tuple[Path, ...], ...]
) -> list[Combination]:
    by_name = {path.name: path for path in files}
    base = next((by_name[name] for name in PROJECT_FILES if name in by_name), None)
    override = next((path for path in files if _OVERRIDE.fullmatch(path.name)), None)
    found: list[Combination] = []
    for path in (path for path in files if path not in (base, override)):
        together = [each for each in told if path in each]
        if together:
            found += [Combination(each, _for_production(each, base)) for each in together]
            continue
        own = outline(project.text(path))
        production = not roles.for_development(path)
        if base is not None and _lies_over(own, outline(project.text(base))):
            found.append(Combination((base, path), production))
        elif not own.partial:  # a fragment whose base is not here says nothing alone
            found.append(Combination((path,), production, (base, path) if base else ()))
    replaced = any(roles.for_production(path) for each in found for path in each.files)
    if base is not None:
        alone = (base, override) if override else (base,)
        found.insert(0, Combination(alone, not replaced and not roles.for_development(base)))
    return list(dict.fromkeys(found))


def _for_production(files: tuple[Path, ...], base: Path | None) -> bool:
    return not any(roles.for_development(path) for path in files if path != base)


def called_together(project: ProjectFiles) -> tuple[tuple[Path, ...], ...]:
    """Return the files that the project's own commands and texts give to one `docker compose`."""
    found: dict[tuple[Path, ...], None] = {}
    known = set(project.compose)
    for path in project.paths:
        if path.suffix not in _TELLING and path.name not in _TELLING and path not in known:
            continue
        for match in _CALL.finditer(project.text(path)):
            named = [Path(name) for name in re.findall(r"(?:-f|--file)[= ]+[\"']?([\w./-]+)", match[1])]
            for base in (path.parent, Path(), *path.parent.parents):
                files = tuple(Path(os.path.normpath(base / name)) for name in named)
                if files and known.issuperset(files):
                    found.setdefault(files)
                    break
    return tuple(found)


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
    """What an operator would set: the example's values, numbers for ports, a word for what is required."""
    folder = combination.files[0].parent
    known = _dotenv(project, folder / ".env")
    text = "\n".join(project.text(path) for path in combination.files)
    found = {"PWD": str(project.root), **dict.fromkeys(_REQUIRED.findall(text), UNSET)}
    ports = dict.fromkeys(name for name in _PLAIN.findall(text) if "PORT" in name)
    found |= {name: str(FIRST_UNSET_PORT + index) for index, name in enumerate(ports)}
    for name in _PLAIN.findall(text):
        guessed = next((value for pattern, value in _LIKELY if re.search(pattern, name)), None)
        if guessed is not None:
            found.setdefault(name, guessed)
    for path in project.paths:
        if path.parent == folder and _EXAMPLE.fullmatch(path.name):
            found |= {name: value for name, value in _dotenv(project, path).items() if value}
    return {name: value for name, value in found.items() if name not in known}


def _dotenv(project: ProjectFiles, path: Path) -> dict[str, str]:
    text = project.text(path) if project.exists(path) else ""
    pairs = re.findall(r"^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=[ \t]*([^\s#]*)", text, re.MULTILINE)
    return {name: value.strip("\"'") for name, value in pairs}


def unreadable(error: ComposeError, root: Path) -> tuple[Fault, ...]:
    """Return an error's faults with paths relative to the project's root."""
    return tuple(
        Fault(Place(relative(each.at.file, root), each.at.line), each.field, each.what, each.mend)
        for each in error.faults
    )


def without_services(project: Project) -> ComposeError:
    """Return the error of files that are read and start nothing."""
    mend = "declare them under `services:`, or take the file away"
    return ComposeError([Fault(Place(project.files[0]), "", "declares no services", mend)])


def relative(path: Path, root: Path) -> Path:
    """Return a path relative to the root, or as it is when it lies outside."""
    for base in (root, root.resolve()):
        if path.is_relative_to(base):
            return path.relative_to(base)
    return path
