"""Which releases of modules run, and which migrations each of them has in its own folder."""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nexus.control.client import Client, ControlError
from nexus.control.facts import InstanceFacts
from nexus.control.migrating.sources import source_of
from nexus.control.outside import status_from_outside
from nexus.migrations.errors import MigrationError
from nexus.migrations.planning.planned import RunningRelease
from nexus.migrations.reading import read
from nexus.releases import Catalogue, UnknownRelease
from nexus.releases.artefact import ArtefactError, service_of
from nexus.runtimes.home import Home
from nexus.stack import Stack

Labels = Mapping[str, frozenset[str]]  # service → the releases that its living instances are labelled with


def labels_of(instances: Mapping[str, Iterable[InstanceFacts]]) -> Labels:
    """The releases of instances as the control loop knows them. Pure."""
    return {
        name: frozenset(each.release for each in known if each.alive and each.release)
        for name, known in instances.items()
    }


def labels_from_outside(home: Home, root: Path) -> Labels:
    """The same as the control loop tells it, or as it can be seen where none runs."""
    try:
        told = Client(home).get("/v1/status", timeout=10.0)
    except (OSError, ControlError, http.client.HTTPException):
        told = status_from_outside(home, root)
    return _labels(told)


def _labels(status: Mapping[str, Any]) -> Labels:
    return {
        service["name"]: frozenset(
            each["release"]
            for each in service["instances"]
            if each.get("release") and (each["pid"] or (each["container"] and each["state"] != "down"))
        )
        for service in status["services"]
        if service["kind"] != "control"
    }


def running_releases(stack: Stack, home: Home, labels: Labels) -> tuple[RunningRelease, ...]:
    """The releases of services that have instances or are stable.

    One whose artefact is gone or damaged has no migrations that are known: contracts wait for its end.
    """
    if not home.database.exists():
        return ()
    catalogue = Catalogue(home.database)
    try:
        stable = catalogue.stable()
        found = []
        for service in stack.services:
            stands = stable.get(service.name, "")
            for id in sorted({*labels.get(service.name, ()), *([stands] if stands else [])}):
                found.append(_running(stack, home, catalogue, service.name, id, id == stands))
        return tuple(found)
    finally:
        catalogue.close()


def _running(
    stack: Stack, home: Home, catalogue: Catalogue, service: str, id: str, stable: bool
) -> RunningRelease:
    try:
        release = catalogue.find(service, id)
    except UnknownRelease:
        return RunningRelease(service, "", id, stable=stable)
    try:
        source = source_of(service_of(stack, release, home))
        names = frozenset(each.name for each in read(source)) if source else frozenset()
    except (ArtefactError, MigrationError):
        names = frozenset()
    return RunningRelease(service, release.version, id, names, stable)
