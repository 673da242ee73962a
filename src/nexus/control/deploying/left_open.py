"""Which deployments left something that went neither forward nor back to its end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from nexus.releases.records import Deployment

STOPPED = frozenset({"held", "interrupted"})


def left_open(
    deployments: Sequence[Deployment], stable: Mapping[str, str], candidates: Collection[str]
) -> tuple[Deployment, ...]:
    """Deployments that were held, interrupted or not carried to their end, each with those of its services
    alone that it left so: that still have a candidate or are not as they were before it, and that no later
    deployment dealt with. Of the newest one, every service counts. Pure.

    `deployments` are newest first, `stable` is service → the id of its stable release.
    """
    found = []
    dealt_with: set[str] = set()
    for each in deployments:
        if each.state in STOPPED or each.ended_at is None:
            names = [
                name
                for name in each.services
                if name not in dealt_with
                and (
                    each is deployments[0] or name in candidates or stable.get(name) != each.before.get(name)
                )
            ]
            if names:
                found.append(_part(each, names))
        dealt_with.update(each.services)
    return tuple(found)


def beside(open_ones: Sequence[Deployment], candidates: Collection[str], services: Collection[str]) -> str:
    """Why `services` alone cannot be deployed now: a deployment left another with two releases side by side.
    One sentence, "" when there is none. Pure.
    """
    for each in open_ones:
        names = [name for name in each.services if name in candidates and name not in services]
        if names:
            return (
                f"{each.kind} {each.id} left {', '.join(names)} with two releases side by side; "
                f"`nexus deploy --abort` sends it back and `--resume` goes on with it, or deploy "
                f"{', '.join(names)} as well"
            )
    return ""


def _part(whole: Deployment, names: Sequence[str]) -> Deployment:
    return replace(
        whole,
        services=tuple(names),
        before={name: id for name, id in whole.before.items() if name in names},
        after={name: id for name, id in whole.after.items() if name in names},
    )
