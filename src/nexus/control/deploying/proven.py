"""Whether a version of the whole that nobody has judged did its work long enough to be called healthy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nexus.releases.records import Deployment, ReleaseSet


def proven(
    latest: ReleaseSet, deployments: Iterable[Deployment], bakes: Mapping[str, float], at: float
) -> bool:
    """Whether the deployment that made this set let all of it in, nobody suspects it, and each service that
    it changed has served for longer than its bake. Pure.

    `bakes`: service → seconds that it is watched for, as its manifest says. `at`: now, in seconds since the
    epoch.
    """
    own = next((each for each in deployments if _made(each, latest)), None)
    if own is None or own.state != "promoted" or own.evidence.get("suspect"):
        return False
    return at - latest.at >= max((bakes.get(name, 0.0) for name in own.services), default=0.0)


def _made(deployment: Deployment, latest: ReleaseSet) -> bool:
    ended = deployment.ended_at
    return (
        ended is not None
        and (deployment.kind == "first" or deployment.started_at <= latest.at)
        and latest.at <= ended
        and all(latest.releases.get(name) == release for name, release in deployment.after.items())
    )
