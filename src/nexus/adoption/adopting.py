"""From a Compose project to the files of a stack: read, survey, draft, prove that they load."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nexus.adoption.across import across
from nexus.adoption.drafting import Draft, drafts, stack_body
from nexus.adoption.notes import AdoptionError, Findings, Note, Reason
from nexus.adoption.rendering import headed, render
from nexus.adoption.survey import Survey, survey
from nexus.composefile import Place, Project, read_project
from nexus.stack import ManifestError, load_stack

STACK_FILE, BRICK_FILE = "nexus.yaml", "module.yaml"
LOCK_FILE = "migrations/migration_lock.toml"  # makes the folder that Nexus reads; nothing is in it yet


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
    across(surveyed, found, findings)
    files, causes = _files(surveyed, found)
    _prove(files)
    notes = tuple(sorted(findings.notes, key=lambda note: _order(note, found)))
    return Adoption(project, folder, found, files, causes, tuple(findings.reasons), notes)


def _files(survey: Survey, found: tuple[Draft, ...]) -> tuple[dict[str, str], dict[str, Place]]:
    first = Place(survey.project.files[0])
    files = {STACK_FILE: render(stack_body(survey, found), first.file.name)}
    causes = {STACK_FILE: first}
    for draft in found:
        if draft.role.brick:
            at = draft.service.at
            file = f"modules/{draft.name}/{BRICK_FILE}"
            files[file] = render(draft.body, f"{survey.shown(at.file)}:{at.line}")
            causes[file] = at
            if "migrations" not in draft.body.get("database", {"migrations": {}}):
                lock = f"modules/{draft.name}/{LOCK_FILE}"
                files[lock], causes[lock] = (
                    headed('provider="postgresql"\n', f"{survey.shown(at.file)}:{at.line}"),
                    at,
                )
    return files, causes


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
    return names.index(note.services[0]) if len(note.services) == 1 else -1
