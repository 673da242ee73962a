"""What is true of many services of a project."""

from __future__ import annotations

from nexus.adoption.drafting import Draft
from nexus.adoption.naming import identifier
from nexus.adoption.notes import Findings
from nexus.adoption.survey import Survey


def across(survey: Survey, found: tuple[Draft, ...], findings: Findings) -> None:
    """Record what is true of many services."""
    for draft in found:
        if "resources" not in draft.body:
            findings.unknown(
                draft.name,
                "no limits are set; Nexus gives an instance 256M and one core",
                "measure what it uses (docker stats) and write resources",
            )
        for each in survey.references[draft.service.name]:
            target = survey.names[each.service]
            if each.address.host != target and draft.role.runtime == "image":
                findings.unknown(
                    draft.name,
                    "{key} calls {target} {host}, a name that only Compose gives it",
                    "write {target} there",
                    each.at,
                    key=each.key,
                    target=target,
                    host=each.address.host,
                )
        if any(each.key in draft.body.get("env", {}) for each in survey.references[draft.service.name]):
            findings.unknown(
                draft.name,
                "addresses of other services were kept as they are under env",
                "Nexus gives the true ones in NEXUS_URL_<NAME>; read those, then remove yours",
            )
    _shared_secrets(found, findings)


def _shared_secrets(found: tuple[Draft, ...], findings: Findings) -> None:
    """Record secrets that several services know, such as the key they sign tokens with."""
    knowing: dict[str, list[tuple[str, str]]] = {}
    for draft in found:
        names = draft.body.get("secrets", ())
        for key, value in draft.service.environment.items():
            if value.text and identifier(key) in names:
                knowing.setdefault(value.text, []).append((draft.name, key))
    for holders in knowing.values():
        for name, _ in holders if len({name for name, _ in holders}) > 1 else ():
            findings.unknown(
                name,
                "{key} is the same for these services, and Nexus makes a secret for each alone",
                "give all of them the same file",
                key=holders[0][1],
            )
