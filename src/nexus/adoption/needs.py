"""Which services a service needs: hard from `depends_on`, soft from the addresses it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nexus.adoption.notes import Findings
from nexus.adoption.roles import Role
from nexus.adoption.survey import Survey
from nexus.composefile import ComposeService, Condition


@dataclass(frozen=True)
class Needs:
    """Compose names, in the order they were found."""

    hard: tuple[str, ...]
    soft: tuple[str, ...]


def needs(
    service: ComposeService,
    survey: Survey,
    role: Mapping[str, Role],
    database: str | None,
    findings: Findings,
) -> Needs:
    """Return the needs of a service. `database` is where its schema lives: it needs that hard."""
    name = survey.names[service.name]
    hard: dict[str, None] = {}
    soft: dict[str, None] = {}
    for target, condition in service.depends_on.items():
        if target not in role:
            continue
        if role[service.name].on and not role[target].on:
            if condition.condition != "service_completed_successfully":
                soft[target] = None
            _without(name, survey.names[target], condition, findings)
        elif condition.required:
            hard[target] = None
            findings.because(
                name, "needs.hard", "depends_on names {target}", condition.at, target=survey.names[target]
            )
        else:
            soft[target] = None
            findings.because(
                name,
                "needs.soft",
                "depends_on names {target}, not required",
                condition.at,
                target=survey.names[target],
            )
    if database is not None and database not in hard:
        hard[database] = None
        findings.because(name, "needs.hard", "its schema lives in {target}", target=survey.names[database])
    for reference in survey.references[service.name]:
        if reference.service not in hard and reference.service not in soft:
            soft[reference.service] = None
            findings.because(
                name,
                "needs.soft",
                "{key} names {target}",
                reference.at,
                key=reference.key,
                target=survey.names[reference.service],
            )
    routes = survey.nginx.get(service.name)
    for location in routes.locations if routes else ():
        target = survey.hosts.get(location.host, service.name)
        if target != service.name and target not in hard and target not in soft:
            soft[target] = None
            findings.because(
                name,
                "needs.soft",
                "nginx passes {path} to {target}",
                location.at,
                path=location.path,
                target=survey.names[target],
            )
    return Needs(tuple(hard), tuple(each for each in soft if each not in hard))


def _without(name: str, target: str, condition: Condition, findings: Findings) -> None:
    if condition.condition == "service_completed_successfully":
        findings.unknown(
            name,
            "waits until {target} has ended well, which a manifest cannot say",
            "run {target} before `nexus up`",
            condition.at,
            target=target,
        )
    else:
        findings.unknown(
            name,
            "depends on {target}, which is off; the need is written as soft",
            "switch {target} on in nexus.yaml and move it to needs.hard",
            condition.at,
            target=target,
        )
