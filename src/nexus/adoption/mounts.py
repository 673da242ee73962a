"""What a service mounts -> `volumes` of its manifest: named volumes, and folders or files of the machine."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from nexus.adoption.naming import manifest_name
from nexus.adoption.notes import Findings
from nexus.adoption.survey import Survey
from nexus.composefile import ComposeService, Mount, Volume

_TARGET = re.compile(r"/[A-Za-z0-9._/-]+")
_VOLUME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_PATH = re.compile(r"\.?/[A-Za-z0-9._ /-]*")


def mounts(service: ComposeService, survey: Survey, folder: Path, findings: Findings) -> dict[str, str]:
    """Return path in the container -> volume, or path from `folder` on, which will hold nexus.yaml."""
    found: dict[str, str] = {}
    for mount in service.volumes:
        volume = survey.project.volumes.get(mount.source) if mount.type == "volume" else None
        source = mount.source if mount.type == "volume" else _from(folder, mount, survey)
        hindrance = _hindrance(mount, volume, source)
        if hindrance is not None:
            text, mend = hindrance
            shown = survey.shown(Path(mount.source)) if mount.type == "bind" else mount.source
            name = survey.names[service.name]
            findings.unknown(name, text, mend, mount.at, target=mount.target, source=shown, type=mount.type)
            continue
        found[mount.target] = source
        if volume is not None:
            _named(service, mount, volume, survey, findings)
        else:
            _bound(service, mount, survey, findings)
    return found


def _hindrance(mount: Mount, volume: Volume | None, source: str) -> tuple[str, str] | None:
    """Return why a manifest has no word for a mount, and what to do about it; None when it has."""
    if mount.type not in ("volume", "bind"):
        return "mounts {target} as {type}, which a manifest cannot say", "let it run without"
    if not mount.source:
        return (
            "keeps {target} in a volume without a name, which ends with its container",
            "if what lies there must last, give the volume a name and adopt again",
        )
    if mount.type == "bind" and _is_socket(mount.source):
        return (
            "is given the socket {source}, with all that it may do there; it was not taken over",
            "let it run without, or add it to volumes if you trust it that far",
        )
    if mount.read_only:
        return (
            "may only read {source} at {target}, and what a manifest mounts can be written to, too",
            "build it into its image, or add it to volumes if the service may change it",
        )
    if volume is not None and volume.external:
        return (
            "keeps {target} in the volume {source}, which is not the project's own (external)",
            "copy its data to a volume of this stack, then write that one under volumes",
        )
    if volume is not None and (volume.driver not in ("", "local") or volume.driver_opts):
        return (
            "keeps {target} in the volume {source}, which has a driver or options of its own",
            "mount it on the machine, and write the path under volumes",
        )
    if _subpath(mount):
        return (
            "mounts a part of the volume {source} at {target}, and a manifest mounts whole ones",
            "give this part a volume of its own",
        )
    pattern = _VOLUME if mount.type == "volume" else _PATH
    if not _TARGET.fullmatch(mount.target) or not pattern.fullmatch(source):
        return "mounts {source} at {target}, names that a manifest does not allow", "rename them"
    return None


def _named(service: ComposeService, mount: Mount, volume: Volume, survey: Survey, findings: Findings) -> None:
    name, ours = survey.names[service.name], f"{manifest_name(survey.project.name)}_{mount.source}"
    text = "{target} lies in the volume {source}"
    findings.because(name, "volumes", text, mount.at, target=mount.target, source=mount.source)
    if volume.full_name != ours:
        findings.unknown(
            name,
            "its data lie in the volume {theirs}, and Nexus calls its own {ours}",
            "copy what is in the one to the other before `nexus up`",
            volume.at,
            theirs=volume.full_name,
            ours=ours,
        )


def _bound(service: ComposeService, mount: Mount, survey: Survey, findings: Findings) -> None:
    name, source = survey.names[service.name], survey.shown(Path(mount.source))
    findings.because(
        name, "volumes", "{source} is mounted at {target}", mount.at, source=source, target=mount.target
    )
    if not os.path.exists(mount.source):
        findings.unknown(
            name,
            "mounts {source}, which does not exist here",
            "make it before `nexus up`",
            mount.at,
            source=source,
        )


def _from(folder: Path, mount: Mount, survey: Survey) -> str:
    """Return the path of a bind mount: from `folder` on when it is the project's own, else absolute."""
    path = Path(mount.source)
    if mount.type != "bind" or not path.is_relative_to(survey.project.root):
        return mount.source
    real = os.path.join(os.path.realpath(path.parent), path.name)
    return f"./{os.path.relpath(real, os.path.realpath(folder))}"


def _is_socket(source: str) -> bool:
    if source.endswith(".sock"):
        return True
    return os.path.exists(source) and stat.S_ISSOCK(os.stat(source).st_mode)


def _subpath(mount: Mount) -> bool:
    options = mount.options.get("volume")
    return isinstance(options, Mapping) and bool(options.get("subpath"))
