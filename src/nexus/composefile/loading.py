"""From files to a Project."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from nexus.composefile.interpolation import TemplateError, substitute
from nexus.composefile.layers import read_layers
from nexus.composefile.model import Project
from nexus.composefile.nodes import Fields, Leaf, plain
from nexus.composefile.picking import Picker
from nexus.composefile.places import ComposeError, Fault, Place
from nexus.composefile.reading import read_documents
from nexus.composefile.references import check_references
from nexus.composefile.resources import file_sources, networks, volumes
from nexus.composefile.scope import Scope, add_dotenv
from nexus.composefile.services import build_service

PROJECT_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDES = (
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)


def read_project(
    *paths: Path,
    environment: Mapping[str, str] = os.environ,
    env_files: Iterable[Path] | None = None,
    name: str | None = None,
) -> Project:
    """Read a project: a folder with a Compose file and its override file, or files laid over each other.

    `environment` are the variables of the process; `env_files` stand instead of `.env` beside the first file;
    `name` instead of the project's own. Raises ComposeError with every fault.
    """
    given = [path.absolute() for path in paths] or [Path.cwd()]
    root = given[0] if os.path.isdir(given[0]) else given[0].parent
    dotenv = tuple(env_files) if env_files is not None else tuple(_existing(root, (".env",))[:1])
    variables, origins = add_dotenv(environment, {}, dotenv)
    files = _files(given, variables)
    scope = Scope(files[0].parent, variables, origins)
    name = name or _name(files, scope)
    scope = replace(scope, variables={**variables, "COMPOSE_PROJECT_NAME": name})
    document = read_layers(files, scope)
    project = _project(name, document, scope)
    faults = [*scope.faults, *(() if scope.faults else check_references(project))]
    if faults:
        raise ComposeError(faults)
    return project


def _files(given: list[Path], variables: Mapping[str, str]) -> list[Path]:
    if len(given) > 1 or not os.path.isdir(given[0]):
        return given
    root = given[0]
    if named := variables.get("COMPOSE_FILE"):
        separator = variables.get("COMPOSE_PATH_SEPARATOR", os.pathsep)
        return [root / each for each in named.split(separator)]
    found = _existing(root, PROJECT_FILES)
    if not found:
        what = "holds no Compose file"
        raise ComposeError([Fault(Place(root), "", what, f"name one, or add {PROJECT_FILES[0]}")])
    return [found[0], *_existing(root, _OVERRIDES)[:1]]


def _existing(root: Path, names: tuple[str, ...]) -> list[Path]:
    return [root / name for name in names if os.path.isfile(root / name)]


def _name(files: list[Path], scope: Scope) -> str:
    """Return the project's name: of the environment, else the last file's own, else the folder's."""
    named = scope.variables.get("COMPOSE_PROJECT_NAME", "")
    for file in () if named else reversed(files):
        for document in reversed(read_documents(file)):
            node = document.get("name")
            if not named and isinstance(node, Leaf) and isinstance(node.value, str):
                try:
                    named = substitute(node.value, scope.variables.get)
                except TemplateError:
                    continue  # told with its place when the file itself is filled in
    plain_name = re.sub(r"[^a-z0-9_-]", "", (named or files[0].parent.name).lower()).lstrip("_-")
    return plain_name or "default"


def _project(name: str, document: Fields, scope: Scope) -> Project:
    pick = Picker(document, scope, "")
    services = pick.inner("services")
    found = {}
    for each in services.fields.entries if services else ():
        inner = services.inner(each) if services else None
        if inner is not None:
            found[each] = build_service(each, replace(inner, where=f"services.{each}"))
    return Project(
        name=name,
        root=scope.base,
        files=tuple(scope.files),
        services=found,
        networks=networks(name, pick),
        volumes=volumes(name, pick),
        secrets=file_sources(name, "secrets", pick),
        configs=file_sources(name, "configs", pick),
        variables=tuple(scope.uses.values()),
        extensions={key: plain(each) for key, each in document.entries.items() if key.startswith("x-")},
        places={key: each.at for key, each in document.entries.items()},
    )
