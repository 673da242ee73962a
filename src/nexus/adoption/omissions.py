"""What a project says that manifests have no word for."""

from __future__ import annotations

from pathlib import Path

from nexus.adoption.notes import Findings
from nexus.adoption.roles import Role
from nexus.adoption.survey import Survey
from nexus.composefile import ComposeService

_HANDLED = frozenset(
    "image build command ports expose environment env_file depends_on links healthcheck deploy scale"
    " mem_limit mem_reservation cpus cpu_shares secrets profiles stop_grace_period volumes"
    " entrypoint configs".split()
)
_NEEDLESS = frozenset(
    "networks network_mode logging restart container_name hostname labels label_file annotations init"
    " stdin_open tty attach develop pull_policy platform stop_signal".split()
)


def omissions(service: ComposeService, survey: Survey, role: Role, findings: Findings) -> None:
    """Record what is lost, most grave first."""
    name = survey.names[service.name]
    if role.runtime == "image":
        _configs(service, name, findings)
        _words(service, name, findings)
        _restart(service, name, findings)
    elif role.runtime in ("postgres", "valkey"):
        _data(service, survey, role, findings)
        _settings(service, name, findings)
    else:
        _configuration(service, name, findings)
    known = _HANDLED | _NEEDLESS
    lost = [key for key in service.places if key not in known and not key.startswith("x-")]
    if lost and role.runtime == "image":
        findings.unknown(
            name,
            "no field of a manifest says what {keys} says",
            "check that it runs without",
            service.place(lost[0]),
            keys=", ".join(lost),
        )
    if any(key.startswith("traefik.") for key in service.labels):
        findings.unknown(
            name, "its labels for Traefik were not read", "write its routes by hand", service.place("labels")
        )


def _configs(service: ComposeService, name: str, findings: Findings) -> None:
    if service.configs:
        findings.unknown(
            name,
            "reads configs, and a manifest has no field for them",
            "build them into its image",
            service.configs[0].at,
        )


def _words(service: ComposeService, name: str, findings: Findings) -> None:
    if service.entrypoint:
        findings.unknown(
            name,
            "has an entrypoint of its own, and a manifest has no field for it",
            "set it in the image",
            service.place("entrypoint"),
        )


def _restart(service: ComposeService, name: str, findings: Findings) -> None:
    if service.restart == "no" and "restart" in service.places:
        findings.unknown(
            name,
            "is not restarted by Compose when it ends; Nexus always starts it again",
            "switch it off in nexus.yaml if it is meant to end",
            service.place("restart"),
        )


def _data(service: ComposeService, survey: Survey, role: Role, findings: Findings) -> None:
    name = survey.names[service.name]
    kept = [mount for mount in service.volumes if mount.type in ("volume", "bind") and mount.source]
    data = next((mount for mount in kept if mount.type == "volume" or "/data" in mount.target), None)
    if data is not None:
        findings.unknown(
            name,
            "Nexus starts it empty; the data stays in {source}",
            "move it with pg_dump and pg_restore"
            if role.runtime == "postgres"
            else "let the cache fill again",
            data.at,
            source=survey.shown(Path(data.source)),
        )
    scripts = [mount for mount in kept if mount.target.startswith("/docker-entrypoint-initdb.d")]
    if scripts:
        findings.unknown(
            name,
            "its initial scripts {source} are not run: Nexus makes a role and a schema for each module",
            "bring what else they do into a migration",
            scripts[0].at,
            source=", ".join(survey.shown(Path(each.source)) for each in scripts),
        )


def _settings(service: ComposeService, name: str, findings: Findings) -> None:
    if service.command:
        findings.unknown(
            name,
            "its command sets options that Nexus does not take over",
            "check whether you still need them",
            service.place("command"),
        )


def _configuration(service: ComposeService, name: str, findings: Findings) -> None:
    findings.unknown(
        name,
        "Nexus writes its configuration from upstreams; what else yours says is not taken over",
        "compare certificates, redirects, caches and limits before you switch",
        service.place("volumes"),
    )
