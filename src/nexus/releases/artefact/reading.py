"""A release becomes the service as that release has it, read from its own artefact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from nexus.releases.artefact.errors import ArtefactError
from nexus.releases.artefact.layout import part, read_note
from nexus.releases.release import Release
from nexus.runtimes.home import Home
from nexus.stack import ManifestError, Service, Stack
from nexus.stack.kpi import read_kpis
from nexus.stack.manifest import ServiceManifest
from nexus.stack.model import BRICK_FILE
from nexus.stack.reading import read_yaml, validate

CONTRACTS = "NEXUS_CONTRACTS"


class SecretsGone(ArtefactError):
    """The values that a release was let in with are not kept any more, and nothing can make them again."""


def service_of(stack: Stack, release: Release, home: Home) -> Service:
    """The service as a release has it: its manifest, figures, invariants and migrations are the artefact's.

    How infrastructure is watched is the present stack's.

    Raises:
        ArtefactError: the artefact or its set of secrets is gone, it was changed, or this Nexus cannot read
            its manifest.
    """
    try:
        service = _brick(release, home) if release.folder else _infrastructure(stack, release)
        if release.image:
            service = service.pin(release.image)
        service = service.with_secrets(release.secrets_version)
        _check_secrets(service, release, home)
        if service.digest != release.digest:
            raise ArtefactError(f"its files hold {service.digest}")
    except SecretsGone:
        raise
    except (ArtefactError, ManifestError, ValidationError, OSError) as error:
        raise ArtefactError(f"{release.title} cannot be run: {error}; {_mend(release)}") from error
    return _told_contracts(service)


def _told_contracts(service: Service) -> Service:
    """The service is told which of its migrations it can serve without; what is asked for a folder that
    cannot be read is told where its migrations are.
    """
    if service.migrations is None or service.database is None:
        return service
    from nexus.releases.brought import contracts_in  # reads with PostgreSQL's parser

    names = contracts_in(service.migrations, service.database.migrations.format)
    return replace(service, env={**service.env, CONTRACTS: " ".join(names)}) if names else service


def _check_secrets(service: Service, release: Release, home: Home) -> None:
    """The first set is made by `up`; a changed one only once, by whoever changed it."""
    folder = home.secrets / service.secrets_folder
    if service.secrets_version and not folder.is_dir():
        raise SecretsGone(
            f"{release.title} cannot be run: {folder} is gone, the secrets it was given; deploy another "
            "release"
        )


def _brick(release: Release, home: Home) -> Service:
    folder = release.folder
    assert folder is not None
    if not folder.is_dir():
        raise ArtefactError(f"{folder} is gone")
    note = read_note(folder.parent)
    shared = tuple(_part(home, place, digest) for place, digest in note.shared.items())
    source = read_yaml(folder / BRICK_FILE)
    found = validate(ServiceManifest, source.data, source)
    schema = found.database.schema_ if found.database else None
    kpis, faults = read_kpis(found.name, found.kpis, schema, folder, source)
    if faults:
        raise ManifestError(faults)
    return Service.build(found, folder, source.file, shared, kpis, note.place, tuple(note.shared))


def _part(home: Home, place: str, digest: str) -> Path:
    kept = part(home, digest, place)
    if not kept.exists():
        raise ArtefactError(f"{kept} is gone")
    return kept


def _infrastructure(stack: Stack, release: Release) -> Service:
    found = ServiceManifest.model_validate_json(release.declared)
    present = stack.service(release.service) if stack.has(release.service) else None
    shared, places, kpis = (present.shared, present.shared_places, present.kpis) if present else ((), (), ())
    return Service.build(found, stack.root, stack.file, shared, kpis, "", places)


def _mend(release: Release) -> str:
    ref = f" --ref {release.commit[:12]}" if release.commit and release.clean else ""
    return (
        f"make it again with `nexus release build {release.service}{ref}`, or deploy another release; while "
        "nothing runs, bring back the files that it was made of and run `nexus up`"
    )
