"""What is told of deployments to whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from nexus.control.addresses import Refused
from nexus.control.deploying import ending, history
from nexus.control.deploying.ending import Ending, State
from nexus.control.deploying.rollout import Rollout
from nexus.control.deploying.trail import Trail
from nexus.releases import Release
from nexus.releases.records import Deployment

if TYPE_CHECKING:
    from nexus.control.world import World


class Reports:
    """Answers from the catalogue, the audit trail, and what is under way."""

    def __init__(self, world: World, trail: Trail) -> None:
        self._world = world
        self._trail = trail

    def release(self, each: Release) -> dict[str, Any]:
        """One release."""
        candidates = {name: found.release for name, found in self._world.candidates.all().items()}
        return history.release(each, self._world.catalogue.stable(), candidates)

    def headline(self, each: Deployment) -> dict[str, Any]:
        """The event that begins a deployment's stream."""
        told = history.deployment(each, self._titles())
        return {
            "event": "deployment",
            **{name: told[name] for name in ("id", "kind", "services", "who", "why")},
        }

    def status(self, rollout: Rollout | None, holder: str, left: Sequence[Deployment] = ()) -> dict[str, Any]:
        """What is under way, what ended last, and what was left half way."""
        latest = self._world.catalogue.deployments()
        current = next((each for each in latest if rollout is not None and each.id == rollout.id), None)
        last = next((each for each in latest if each.ended_at is not None), None)
        return {
            "running": current
            and rollout
            and {
                **self._told(current),
                "step": rollout.step,
                "figures": rollout.latest,
            },
            "unfinished": [
                self._told(each) for each in latest if each.ended_at is None and each is not current
            ],
            "held": [self._told(each) for each in left if each.ended_at is not None],
            "last": last and self._told(last),
            "holder": holder,
        }

    def history(self, service: str | None) -> dict[str, Any]:
        """Releases, deployments, sets and the audit trail, of one service or all.

        Raises:
            Refused: nothing of that service was ever released.
        """
        catalogue, site = self._world.catalogue, self._world.site
        known = catalogue.of(service)
        if service and not known:
            there = ", ".join(sorted({each.service for each in catalogue.of()})) or "nothing yet"
            raise Refused(f"nothing of {service} was released; there is: {there}")
        return {
            "stack": site.stack.name if site else "",
            "stable": catalogue.stable(),
            "releases": [self.release(each) for each in known],
            "deployments": [self._told(each) for each in catalogue.deployments(service)],
            "sets": history.sets(catalogue.sets()),
            "trail": [history.entry(each) for each in self._trail.latest(service=service)],
        }

    def _told(self, each: Deployment) -> dict[str, Any]:
        return history.deployment(each, self._titles())

    def _titles(self) -> dict[tuple[str, str], str]:
        return {(each.service, each.id): each.title for each in self._world.catalogue.of()}


def ended(each: Deployment) -> dict[str, Any]:
    """The event that ended a deployment's stream, told again."""
    assert each.ended_at is not None
    state: State = each.state if each.state in get_args(State) else "interrupted"  # type: ignore[assignment]
    said = {"sentence": each.sentence}
    end = Ending(state, ending.TOLD_AGAIN, said, each.evidence.get("cause", ""))
    return ending.outcome(each.id, each.kind, end, each.ended_at - each.started_at, each.evidence)
