"""From a Compose project to the files of a stack: read, survey, draft, prove that they load."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nexus.adoption.drafting import Draft, drafts, stack_body
from nexus.adoption.notes import AdoptionError, Findings, Note, Reason
from nexus.adoption.rendering import render
from nexus.adoption.survey import survey
from nexus.composefile import Place, Project, read_project
from nexus.stack import ManifestError, load_stack

STACK_FILE, BRICK_FILE = "nexus.yaml", "module.yaml"


@dataclass(frozen=True)
class Adoption:
    """What adopting a project would write: file (below the folder) -> text, and what it rests on."""

    project: Project
    folder: Path
    drafts: tuple[Draft, ...]
    files: Mapping[str, str]
    causes: Mapping[str, Place]
    reasons: tuple[Reason, ...]
    notes: tuple[Note, ...]


def adopt(path: Path, folder: Path | None = None, environment: Mapping[str, str] = os.environ) -> Adoption:
    """Plan the adoption of the project at `path`, a file or a folder. Writes nothing.

    Raises ComposeError when the project cannot be read, AdoptionError when it cannot be adopted.
    """
    project = read_project(path, environment=environment)
    if not project.services:
        raise AdoptionError("{file} has no services; there is nothing to adopt", file=project.files[0])
    folder = (folder or project.root / "nexus").absolute()
    findings = Findings()
    surveyed = survey(project)
    found = drafts(surveyed, folder, findings)
    _unlimited(found, findings)
    files, causes = _files(stack_body(surveyed, found), found, project)
    _prove(files)
    notes = tuple(sorted(dict.fromkeys(findings.notes), key=lambda note: _order(note, found)))
    return Adoption(project, folder, found, files, causes, tuple(findings.reasons), notes)


def _files(
    stack: Mapping[str, object], found: tuple[Draft, ...], project: Project
) -> tuple[dict[str, str], dict[str, Place]]:
    first = Place(project.files[0])
    files = {STACK_FILE: render(stack, project.files[0].name)}
    causes = {STACK_FILE: first}
    for draft in found:
        if draft.role.brick:
            file = f"modules/{draft.name}/{BRICK_FILE}"
            files[file] = render(draft.body, _shown(draft.service.at, project))
            causes[file] = draft.service.at
    return files, causes


def _shown(at: Place, project: Project) -> str:
    file = at.file.relative_to(project.root) if at.file.is_relative_to(project.root) else at.file
    return f"{file}:{at.line}"


def _unlimited(found: tuple[Draft, ...], findings: Findings) -> None:
    names = [draft.name for draft in found if "resources" not in draft.body]
    if names:
        findings.unknown(
            "",
            "no limits are set for {services}; Nexus gives each instance 256M and one core",
            "measure them (docker stats) and write resources",
            services=", ".join(names),
        )


def _prove(files: Mapping[str, str]) -> None:
    """Load the files as a stack. Raises AdoptionError when they are none."""
    with tempfile.TemporaryDirectory(prefix="nexus-adopt-") as name:
        root = Path(name).resolve()
        for file, text in files.items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text(text, encoding="utf-8")
        try:
            load_stack(root)
        except ManifestError as error:
            faults = str(error).replace(f"{root}/", "")
            raise AdoptionError(
                "the manifests drafted from this project do not load:\n{faults}", faults=faults
            ) from error


def _order(note: Note, found: tuple[Draft, ...]) -> int:
    names = [draft.name for draft in found]
    return names.index(note.service) if note.service in names else -1
