"""`nexus adopt`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nexus.cli import place
from nexus.cli.language import t

if TYPE_CHECKING:
    from nexus.adoption import Adoption, Draft, FileStep, Note, Reason
    from nexus.composefile import Place

Project = Annotated[Path, typer.Argument(metavar="PATH", help="A Compose file, or the folder of one.")]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="Where the manifests go (PATH's folder/nexus).")
]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Print what would be written and why, and stop.")]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]


def adopt(path: Project, output: Output = None, plan: PlanOnly = False, as_json: Json = False) -> None:
    """Write the manifests of a stack for a Compose project; the project itself is not touched."""
    from nexus import adoption
    from nexus.composefile import ComposeError

    try:
        found = adoption.adopt(path, output)
        steps = adoption.plan_files(found.files, found.folder)
        if not plan:
            adoption.write_files(steps, found.folder)
    except ComposeError as error:
        raise place.stop(str(error), 2) from error
    except adoption.AdoptionError as error:
        raise place.stop(t(error.template, **error.values), 2) from error
    if as_json:
        typer.echo(json.dumps(_json(found, steps, not plan), ensure_ascii=False, indent=2))
    else:
        _print(found, steps, plan)


def _print(found: Adoption, steps: tuple[FileStep, ...], plan: bool) -> None:
    typer.echo(t("adopt {count} services of {name}", count=len(found.drafts), name=found.project.name))
    owners = {_manifest(draft): draft for draft in found.drafts if draft.role.brick}
    for step in steps:
        cause = found.causes.get(step.file)
        because = _shown(cause, found) if cause else t("its service is gone")
        typer.echo(f"  {t(step.action):11} {step.file}  ({because})")
        if plan and step.file in owners:
            _reasons(found, owners[step.file].name)
        elif plan and step.file == "nexus.yaml" and step.action != "remove":
            for draft in found.drafts:
                if not draft.role.brick:
                    typer.echo(f"    infrastructure.{draft.name}")
                    _reasons(found, draft.name)
    if found.notes:
        typer.echo(t("not known, or not to be written in a manifest:"))
    for note in found.notes:
        about = ", ".join(note.services)
        where = f" ({_shown(note.at, found)})" if note.at else ""
        typer.echo(f"  {about}{where}: {t(note.text, **note.values)}")
        typer.echo("      " + t("mend: {mend}", mend=t(note.mend, **note.values)))
    changed = sum(step.action != "keep" for step in steps)
    sentence = "{count} files would be written to {folder}" if plan else "{count} files written to {folder}"
    typer.echo(t(sentence, count=changed, folder=found.folder))


def _reasons(found: Adoption, name: str) -> None:
    for each in found.reasons:
        if each.service == name:
            where = f" ({_shown(each.at, found)})" if each.at else ""
            typer.echo(f"      {each.about}: {t(each.text, **each.values)}{where}")


def _json(found: Adoption, steps: tuple[FileStep, ...], written: bool) -> dict[str, Any]:
    return {
        "project": found.project.name,
        "from": [str(file) for file in found.project.files],
        "folder": str(found.folder),
        "written": written,
        "files": [
            {"file": step.file, "action": step.action, "from": _place(found.causes.get(step.file))}
            for step in steps
        ],
        "services": [_service(draft, found.reasons) for draft in found.drafts],
        "unknown": [_note(note) for note in found.notes],
    }


def _service(draft: Draft, reasons: tuple[Reason, ...]) -> dict[str, Any]:
    needs = draft.body.get("needs", {})
    return {
        "name": draft.name,
        "compose": draft.service.name,
        "manifest": _manifest(draft),
        "kind": draft.role.kind,
        "runtime": draft.role.runtime,
        "image": draft.role.image,
        "port": draft.body["port"],
        "on": draft.role.on,
        "needs": {kind: list(needs.get(kind, ())) for kind in ("hard", "soft")},
        "secrets": list(draft.body.get("secrets", ())),
        "reasons": [
            {"field": each.about, "why": str(each), "at": _place(each.at)}
            for each in reasons
            if each.service == draft.name
        ],
    }


def _note(note: Note) -> dict[str, Any]:
    return {
        "services": list(note.services),
        "what": note.text.format(**note.values),
        "mend": note.mend.format(**note.values),
        "at": _place(note.at),
    }


def _manifest(draft: Draft) -> str:
    return f"modules/{draft.name}/module.yaml" if draft.role.brick else "nexus.yaml"


def _place(at: Place | None) -> str | None:
    return str(at) if at else None


def _shown(at: Place, found: Adoption) -> str:
    root = found.project.root
    return str(at).replace(f"{root}/", "", 1) if at.file.is_relative_to(root) else str(at)
