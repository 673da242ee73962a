"""Which databases and caches Nexus runs itself: those from which somebody takes what Nexus gives.

Others run from their image with their volumes, as they did: whoever uses them has a database, a user or no
password of its own there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nexus.adoption.databases import OwnSchema
from nexus.adoption.notes import Findings
from nexus.adoption.roles import Role, another_version, image_of
from nexus.adoption.survey import Survey

CACHE_URL = "REDIS_URL"


def settled(
    role: Mapping[str, Role], schemas: Mapping[str, OwnSchema], survey: Survey, findings: Findings
) -> Mapping[str, Role]:
    """Return the roles, with stores that nobody uses in Nexus's way run from their image."""
    used = {each.service for references in survey.references.values() for each in references}
    served = {own.database for own in schemas.values()}
    for name, service in survey.project.services.items():
        if any(each.key == CACHE_URL for each in survey.references[name]):
            served |= {target for target in service.depends_on if role[target].runtime == "valkey"}
    found = dict(role)
    for name, each in role.items():
        if each.runtime in ("postgres", "valkey") and name in used - served:
            service = survey.project.services[name]
            found[name] = replace(each, runtime="image", image=image_of(service, survey))
            findings.because(
                survey.names[name],
                "runtime",
                "it runs from its image: nobody there uses what Nexus would give",
                service.place("image"),
            )
        elif each.runtime == "postgres":
            findings.because(
                survey.names[name],
                "runtime",
                "Nexus runs PostgreSQL itself",
                survey.project.services[name].place("image"),
            )
            another_version(survey.project.services[name], survey, findings)
    return found
