"""The smallest set of services to roll back that makes the whole consistent, and why each is in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from nexus.releases.errors import UnknownModule
from nexus.releases.facts import RolloutFacts
from nexus.releases.planning.words import change, label
from nexus.releases.release import Release
from nexus.releases.scoping.closure import Stuck, close
from nexus.releases.scoping.culprit import find_culprit
from nexus.releases.scoping.history import former, healthy_set
from nexus.releases.scoping.member import Member
from nexus.stack import Stack
from nexus.stack.errors import suggest

Reach = Literal["module", "dependents", "set", "none"]
_OFFERS = (
    "roll forward: deploy a mended release that knows the migration",
    "restore a backup from before the migration; what was written since is lost",
)


@dataclass(frozen=True)
class Broken:
    """What is broken: a service, or a business process. `to` is the release that an operator asked for."""

    service: str = ""
    process: str = ""
    to: Release | None = None


@dataclass(frozen=True)
class Scope:
    """What to roll back. `sentence` says how far it reaches and why; `blocked` why it cannot be done, and
    `offers` what can be done instead.
    """

    reach: Reach
    cause: str
    sentence: str
    members: tuple[Member, ...] = ()
    blocked: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()

    @property
    def possible(self) -> bool:
        """Whether a rollback of it can be planned."""
        return bool(self.members) and not self.blocked

    def text(self) -> str:
        """The scope as operators read it, each member with its reason."""
        lines = [f"because {self.cause}: {self.sentence}"]
        lines += [f"  {change(each.now, each.to)}: {each.why}" for each in self.members]
        lines += [f"  cannot be: {why}" for why in self.blocked]
        lines += [f"  instead: {offer}" for offer in self.offers]
        return "\n".join(lines)


def decide_scope(stack: Stack, facts: RolloutFacts, broken: Broken, cause: str) -> Scope:
    """What must go back, because `cause`: one module; it and what fits only with its present release; or
    everything to the last healthy set, where no single culprit can be named. Pure.

    Raises:
        UnknownModule: the service or the process is not part of the stack.
    """
    _known(stack, facts, broken)
    if broken.service:
        return _of_service(stack, facts, broken.service, broken.to, cause, cause)
    culprit = find_culprit(stack, facts, broken.process)
    if not culprit.recent:
        return Scope("none", cause, culprit.why)
    if culprit.service:
        return _of_service(stack, facts, culprit.service, None, cause, culprit.why)
    return _whole(stack, facts, cause, culprit.why, culprit.recent)


def _of_service(
    stack: Stack, facts: RolloutFacts, name: str, to: Release | None, cause: str, why: str
) -> Scope:
    now = facts.stable[name]
    target = to or former(facts, name)
    if target is None:
        said = f"no earlier release of {name} was judged healthy"
        return Scope(
            "none", cause, said, blocked=(said,), offers=(f"name one: `nexus rollback {name} --to RELEASE`",)
        )
    if target.id == now.id:
        return Scope("none", cause, f"{name} {label(now)} is the stable release already")
    try:
        members = close(stack, facts, Member(name, now, target, why))
    except Stuck as stuck:
        return _whole(stack, facts, cause, str(stuck), (name,))
    if len(members) == 1:
        sentence = f"{name} alone: nothing beside it is known to need the present one"
        return _checked(stack, facts, "module", cause, sentence, members)
    others = ", ".join(each.service for each in members[1:])
    sentence = f"{name}, and {others} with it: nothing else is known to need their present releases"
    return _checked(stack, facts, "dependents", cause, sentence, members)


def _whole(stack: Stack, facts: RolloutFacts, cause: str, why: str, suspects: Iterable[str]) -> Scope:
    """Everything as it was in the newest healthy set that holds none of the suspects' present releases."""
    found = healthy_set(facts, suspects)
    if found is None:
        said = f"{why}, and no set of releases before it was judged healthy"
        return Scope(
            "none",
            cause,
            said,
            blocked=(said,),
            offers=("name a module and a release: `nexus rollback MODULE --to RELEASE`",),
        )
    members, gone = [], []
    for service in stack.services:
        now, wanted = facts.stable.get(service.name), found.releases.get(service.name)
        if now is None or wanted is None or wanted == now.id or service.kind == "database":
            continue
        release = facts.known(service.name, wanted)
        if release is None:
            gone.append(f"{service.name} {wanted} is not known any more")
        else:
            members.append(Member(service.name, now, release, f"set {found.number} held it"))
    sentence = f"everything to set {found.number}, the last that was healthy: {why}"
    scope = _checked(stack, facts, "set", cause, sentence, tuple(members))
    return Scope("set", cause, sentence, scope.members, (*gone, *scope.blocked), scope.offers)


def _checked(
    stack: Stack,
    facts: RolloutFacts,
    reach: Reach,
    cause: str,
    sentence: str,
    members: tuple[Member, ...],
) -> Scope:
    """Never across a contract migration, and never to what cannot run."""
    crossed = [
        f"{each.service} {label(each.to)} cannot run on its schema: migration {migration.name} is applied, "
        f"a contract ({migration.why})"
        for each in members
        for migration in facts.contracts_beyond(each.to)
    ]
    gone = [
        f"{each.to.title} cannot run: {why}"
        for each in members
        if (why := _lacking(facts, each.to) or _unread(stack, facts, each.to))
    ]
    return Scope(reach, cause, sentence, members, (*crossed, *gone), _OFFERS if crossed else ())


def _lacking(facts: RolloutFacts, release: Release) -> str:
    """Why a release cannot be had any more, or not with the schema that it needs ("" = it can)."""
    key = (release.service, release.id)
    needs = any(each.phase == "expand" for each in facts.pending_of(release))
    return facts.gone.get(key, "") or (facts.stuck.get(key, "") if needs else "")


def _unread(stack: Stack, facts: RolloutFacts, release: Release) -> str:
    """Of a release whose migrations nobody compared with the schema, nobody knows that it can run on it."""
    known = (release.service, release.id) in facts.beyond
    return "" if known or not stack.service(release.service).database else "its migrations were not read"


def _known(stack: Stack, facts: RolloutFacts, broken: Broken) -> None:
    name = broken.service or broken.process
    kind, known = (
        ("service", [s.name for s in stack.services]) if broken.service else ("process", [*stack.processes])
    )
    if name not in known:
        raise UnknownModule(f"no {kind} {name!r} is part of this stack; {suggest(name, known)}")
    if broken.service and broken.service not in facts.stable:
        raise UnknownModule(f"{name} has no release that runs yet; `nexus up` makes and starts its first")
