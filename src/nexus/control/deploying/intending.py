"""From what is asked to what is intended: facts are read, plans are made; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.control.addresses import Refused
from nexus.control.deploying.building import Building
from nexus.control.deploying.intent import Intent
from nexus.control.deploying.observing import observe
from nexus.control.deploying.requests import Asked, DeployRequest, RollbackRequest
from nexus.control.requested import read
from nexus.plans import Plan
from nexus.releases import Release, UnknownRelease
from nexus.releases.artefact import ArtefactError, service_of
from nexus.releases.facts import RolloutFacts
from nexus.releases.planning import (
    RolloutRequest,
    objections,
    plan_deploy,
    plan_return,
    plan_rollback,
    waived,
)
from nexus.releases.records import Deployment
from nexus.releases.scope import Broken, Scope, decide_scope
from nexus.releases.scoping.member import Member
from nexus.runtimes.protocol import StartError
from nexus.stack import Freeze, ManifestError, Stack
from nexus.stack.freezing import load_freezes

if TYPE_CHECKING:
    from nexus.control.world import World

AGAIN = "it was under way already"


class Intents:
    """Makes intents of one stack."""

    def __init__(self, world: World, building: Building) -> None:
        self._world = world
        self._building = building

    async def of(self, asked: Asked) -> Intent:
        """What a request intends.

        Raises:
            Refused, ReleaseError, ArtefactError: it is refused; says why.
            StartError: the facts cannot be read.
        """
        if isinstance(asked, DeployRequest):
            return await self._deploy(asked, await self._building.meant(asked))
        if isinstance(asked, RollbackRequest):
            return await self._rollback(asked)
        raise Refused(f"nothing is known of {type(asked).__name__}")

    async def anew(self, left: Deployment) -> Intent:
        """What is left to do of a deployment that was begun: with the same releases, from where it stands."""
        targets = {name: self._find(name, id) for name, id in left.after.items()}
        if left.kind == "rollback":
            return await self._rollback_anew(left, targets)
        asked = read(DeployRequest, {**left.request, "who": left.who, "override": AGAIN})
        return replace(await self._deploy(asked, targets, left), kind=left.kind, exceptions={})

    async def _rollback_anew(self, left: Deployment, targets: Mapping[str, Release]) -> Intent:
        """The same members as were found first, whatever would be found now; those that went back already
        are made whole.
        """
        facts = await observe(self._world, targets.values(), left)
        members = tuple(
            Member(name, self._find(name, left.before[name]), to, AGAIN) for name, to in targets.items()
        )
        site = self._world.site
        assert site is not None  # else there would be no facts
        plan = plan_rollback(site.stack, facts, Scope("set", AGAIN, left.why, members), left.who)
        return replace(self.recorded(left), plan=plan)

    def recorded(self, left: Deployment) -> Intent:
        """What a deployment was to change, with nothing left to do."""
        return Intent(
            kind=left.kind,
            plan=Plan(f"take back {', '.join(left.services)}"),
            before=left.before,
            after=left.after,
            former=self._titles(left.before),
            titles=self._titles(left.after),
            strategy=left.strategy,
            why=left.why,
        )

    async def _deploy(
        self, asked: DeployRequest, targets: Mapping[str, Release], left: Deployment | None = None
    ) -> Intent:
        facts = await observe(self._world, targets.values(), left)
        stack = _as_released(self._world, targets.values())
        if left is None:
            stack = replace(stack, freezes=_freezes(stack))
        request = RolloutRequest(
            targets,
            asked.who,
            asked.strategy,
            asked.steps,
            asked.hold,
            asked.bake,
            asked.force,
            asked.override,
            under_way=left is not None,
        )
        plan = plan_deploy(stack, facts, request)
        before = left.before if left else {name: facts.stable[name].id for name in targets}
        exceptions = _exceptions(stack, facts, request)
        infrastructure = all(stack.service(name).kind != "module" for name in targets)
        return Intent(
            kind="upgrade" if infrastructure else "deploy",
            plan=plan,
            before=before,
            after={name: release.id for name, release in targets.items()},
            former=self._titles(before),
            titles=tuple(release.title for release in targets.values()),
            strategy=asked.strategy or "",
            why="; ".join(exceptions.values()),
            releases=tuple(targets.values()),
            exceptions=exceptions,
            idle=f"{', '.join(release.title for release in targets.values())} runs already",
        )

    async def _rollback(self, asked: RollbackRequest) -> Intent:
        site = self._world.site
        if site is None:
            raise Refused("nothing runs; start with `nexus up`")
        name = asked.services[0]
        to = self._find(name, asked.to) if asked.to else None
        facts = await observe(self._world, [to] if to else [], past=True)
        scope = decide_scope(site.stack, facts, Broken(service=name, to=to), f"asked by {asked.who}")
        plan = plan_rollback(site.stack, facts, scope, asked.who)
        before = {member.service: member.now.id for member in scope.members}
        return Intent(
            kind="rollback",
            plan=plan,
            before=before,
            after={member.service: member.to.id for member in scope.members},
            former=tuple(member.now.title for member in scope.members),
            titles=tuple(member.to.title for member in scope.members),
            why=scope.text(),
            releases=tuple(member.to for member in scope.members),
            idle=scope.sentence,
        )

    def _find(self, service: str, ref: str) -> Release:
        try:
            return self._world.catalogue.find(service, ref)
        except UnknownRelease as error:
            raise Refused(str(error)) from error

    def _titles(self, releases: Mapping[str, str]) -> tuple[str, ...]:
        known = {(each.service, each.id): each.title for each in self._world.catalogue.of()}
        return tuple(known.get(key, " ".join(key)) for key in releases.items())


async def way_back(world: World, deployment: int, services: Iterable[str], cause: str) -> Plan:
    """The plan that brings services back to where they were before a deployment.

    Raises:
        ReleaseError, StartError: there is none.
    """
    begun = next((each for each in world.catalogue.unfinished() if each.id == deployment), None)
    if begun is None or world.site is None:
        raise StartError(f"deployment {deployment} is not known any more")
    facts = await observe(world, unfinished=begun)
    return plan_return(world.site.stack, facts, services, cause)


def _as_released(world: World, targets: Iterable[Release]) -> Stack:
    """The present stack, with these services as their releases have them."""
    if world.site is None:
        raise Refused("nothing runs; start with `nexus up`")
    stack, found = world.site.stack, {}
    for release in targets:
        try:
            found[release.service] = service_of(stack, release, world.home)
        except ArtefactError as error:
            raise Refused(str(error)) from error
    return replace(stack, services=tuple(found.get(each.name, each) for each in stack.services))


def _freezes(stack: Stack) -> Mapping[str, Freeze]:
    """As `nexus.yaml` declares them now: a freeze counts without an `up`."""
    try:
        return load_freezes(stack.file, {*(each.name for each in stack.services), *stack.off})
    except ManifestError as error:
        raise Refused(str(error)) from error


def _exceptions(stack: Stack, facts: RolloutFacts, request: RolloutRequest) -> dict[str, str]:
    """The rules that are set aside, by the option that does it, with the reason."""
    aside = [each for each in objections(stack, facts, request) if waived(each, request)]
    forced = "; ".join(each.sentence for each in aside if each.waiver == "force")
    overridden = any(each.waiver == "override" for each in aside)
    found = {"force": forced} if forced else {}
    return {**found, "override": request.override} if overridden else found
