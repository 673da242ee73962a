"""What is told of releases, deployments and sets: plain data in the shapes that docs/deploying.md names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nexus.control.deploying.trail import Entry
from nexus.releases import Release
from nexus.releases.records import Deployment, ReleaseSet


def release(each: Release, stable: Mapping[str, str], candidates: Mapping[str, str]) -> dict[str, Any]:
    """One release, and whether requests meet it."""
    return {
        "service": each.service,
        "id": each.id,
        "title": each.title,
        "version": each.version,
        "digest": each.digest,
        "commit": each.commit,
        "clean": each.clean,
        "built_at": each.built_at,
        "built_by": each.built_by,
        "image": each.image,
        "secrets_version": each.secrets_version,
        "stable": stable.get(each.service) == each.id,
        "candidate": candidates.get(each.service) == each.id,
    }


def deployment(each: Deployment, titles: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """One deployment; `titles` are what people call releases, by service and id."""
    return {
        "id": each.id,
        "kind": each.kind,
        "services": {
            name: {
                "before": _short(name, each.before.get(name, ""), titles),
                "after": _short(name, each.after.get(name, ""), titles),
            }
            for name in each.services
        },
        "strategy": each.strategy,
        "who": each.who,
        "why": each.why,
        "started_at": each.started_at,
        "ended_at": each.ended_at,
        "state": each.state,
        "sentence": each.sentence,
        "cause": each.evidence.get("cause", ""),
        "suspect": each.evidence.get("suspect", ""),
        "evidence": dict(each.evidence),
    }


def sets(found: Sequence[ReleaseSet]) -> list[dict[str, Any]]:
    """Versions of the whole, newest first; `changed`: what differs from the one before."""
    olders = [*(each.releases for each in found[1:]), {}]
    return [
        {
            "number": each.number,
            "at": each.at,
            "cause": each.cause,
            "healthy": each.healthy,
            "releases": dict(each.releases),
            "changed": {name: id for name, id in each.releases.items() if before.get(name) != id},
        }
        for each, before in zip(found, olders, strict=True)
    ]


def entry(each: Entry) -> dict[str, Any]:
    """One entry of the audit trail."""
    return {
        "at": each.at,
        "who": each.who,
        "what": each.what,
        "services": list(each.services),
        "reason": each.reason,
    }


def _short(service: str, id: str, titles: Mapping[tuple[str, str], str]) -> str:
    return titles.get((service, id), id or "–").removeprefix(f"{service} ")
