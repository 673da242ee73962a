"""The plan of a restore in the place of the living stack: proven beside it first, then exchanged. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from nexus.control.facts import Facts
from nexus.control.plan_up import plan_up
from nexus.control.restoring.begun import Begun
from nexus.control.restoring.writers import changing, users, without, writers
from nexus.plans import Plan, Step
from nexus.stack import Service, Stack

DRAIN = "10"  # seconds for requests in flight
SHUTDOWN = "60"  # seconds that a database has to write what it holds


@dataclass(frozen=True)
class Situation:
    """What the plan is made from. `stack`: as it runs now; `after`: with the releases that will be stable;
    `database`: the service that is restored; `carried`: whether the restored data must be carried into a
    volume first; `checks`: how many invariants there are; `probes`: whether users' ways are tried; `aside`:
    where the former data will lie ("" = there are none); `counts`: whether what is lost can be counted once
    nobody writes; `unbuilt`: services whose release must be built before it can start, and why.
    """

    stack: Stack
    after: Stack
    facts: Facts
    begun: Begun
    database: str
    carried: bool = False
    checks: int = 0
    probes: bool = False
    aside: str = ""
    counts: bool = False
    unbuilt: Mapping[str, str] | None = None

    @property
    def stopped(self) -> tuple[str, ...]:
        """The modules that stand still meanwhile."""
        return tuple(dict.fromkeys((*writers(self.stack), *changing(self.stack, self.begun.releases))))

    @property
    def exchanged(self) -> bool:
        """Whether the restored data are in their place already."""
        return "swap" in self.begun.done


def plan_restore(found: Situation) -> Plan:
    """The steps that are left of a restore. Those of `begun.done` have ended well, and are not repeated; what
    is lost is counted again, since somebody may have written meanwhile.
    """
    begun = found.begun
    steps = [] if found.exchanged else _until_stopped(found)
    steps += _swap(found, ids(steps))
    steps = [step for step in steps if step.id not in begun.done or step.action == "count"]
    steps += brought_up(found, ids(steps))
    return Plan(f"restore {found.stack.name} to {begun.reaches}", tuple(linked(steps)), notes(found))


def _until_stopped(found: Situation) -> list[Step]:
    """For the latest state, who writes stands still before it is read; else only once all is proven."""
    latest = found.begun.wish.kind == "latest"
    still = _stops(found, found.stopped, ()) if latest else []
    sealed = _seal(found, ids(still)) if latest and found.facts.ready(found.database) else []
    proven = _beside(found, ids([*still, *sealed]))
    still += [] if latest else _stops(found, found.stopped, ids(proven))
    counts = found.counts and not latest and found.facts.ready(found.database)
    counted = _count(found, ids([*proven, *still])) if counts else []
    down = _stops(found, (found.database,), ids([*proven, *still, *counted]))
    return [*still, *sealed, *proven, *counted, *down]


def notes(found: Situation) -> tuple[str, ...]:
    """What the operator should know before saying yes."""
    begun = found.begun
    told = [f"reaches {begun.reaches}, from backup {begun.backup}", *begun.notes]
    if begun.lost:
        told.append(f"lost: {begun.lost}")
    told.append(f"takes about {max(1, round(begun.minutes))} min; {begun.bytes / 1e9:.1f} GB are restored")
    if begun.releases:
        told.append(
            "releases of that time run afterwards: "
            + ", ".join(f"{name} {begun.before.get(name, '?')} → {id}" for name, id in begun.releases.items())
        )
    if found.aside:
        told.append(f"the present data are kept in {found.aside}; `nexus restore --undo` puts them back")
    if begun.done:
        told.append(f"goes on where it was: {len(begun.done)} steps are done")
    return tuple(told)


def brought_up(found: Situation, after: tuple[str, ...]) -> list[Step]:
    """The steps from the exchanged data to a stack that is wholly up: the cache emptied before who writes."""
    facts = found.facts if found.exchanged else without(found.facts, {*found.stopped, found.database})
    facts = replace(facts, initialised=facts.initialised | {found.database}, unbuilt=found.unbuilt or {})
    steps = [replace(each, after=(*each.after, *after)) for each in plan_up(found.after, facts).steps]
    known = ids(steps)
    emptied = [each for each in _empty(found, known, after) if each.id not in found.begun.done]
    held = {f"start {name}" for name in writers(found.after)}
    steps = [replace(s, after=(*s.after, *ids(emptied))) if s.id in held else s for s in steps]
    ended = _verified(found, (*known, *ids(emptied), *after))
    return [*emptied, *steps, *ended]


def linked(steps: Iterable[Step]) -> list[Step]:
    """Each step after those before it only: none that is true already and therefore not in the plan, and none
    that another of them waits for anyway.
    """
    by_id = {step.id: step for step in steps}
    behind: dict[str, frozenset[str]] = {}

    def all_before(id: str) -> frozenset[str]:
        if id not in behind:
            direct = [each for each in by_id[id].after if each in by_id]
            behind[id] = frozenset(direct).union(*(all_before(each) for each in direct))
        return behind[id]

    def direct(step: Step) -> tuple[str, ...]:
        known = [each for each in dict.fromkeys(step.after) if each in by_id]
        return tuple(e for e in known if not any(e in all_before(other) for other in known))

    return [replace(step, after=direct(step)) for step in by_id.values()]


def ids(steps: Iterable[Step]) -> tuple[str, ...]:
    """The ids of steps."""
    return tuple(step.id for step in steps)


def stop_of(service: Service, cause: str, after: tuple[str, ...] = ()) -> Step:
    """The step that drains and stops a service."""
    module = service.kind == "module"
    does = "let requests in flight end, then stop it" if module else "shut it down"
    drain = {"drain": DRAIN if module else SHUTDOWN}
    return Step(f"stop {service.name}", "stop", service.name, cause, does, "start it", after, drain)


def _stops(found: Situation, names: Collection[str], after: tuple[str, ...]) -> list[Step]:
    services = [found.stack.service(name) for name in names if found.facts.of(name)]
    there = [service.name for service in services]
    cause = "its data are exchanged" if found.database in names else "it writes"
    return [
        stop_of(each, cause, (*after, *(f"stop {user}" for user in users(found.stack, each, there))))
        for each in services
    ]


def _seal(found: Situation, after: tuple[str, ...]) -> list[Step]:
    does = "end the present WAL segment and wait until the archive has it"
    return [Step("seal", "seal", found.database, "all that was committed is to be there", does, "", after)]


def _count(found: Situation, after: tuple[str, ...]) -> list[Step]:
    does = "count what came into being since it was planned, which is lost too"
    return [Step("count", "count", found.database, "nobody writes any more", does, "", after)]


def _beside(found: Situation, after: tuple[str, ...]) -> list[Step]:
    begun = found.begun
    steps = [
        Step(
            "restore",
            "restore",
            found.database,
            "the operator asked for it",
            f"restore backup {begun.backup} beside, replay to {begun.reaches}, verify every file",
            "remove what was restored; nothing was changed",
            after,
        ),
        Step(
            "prove",
            "prove",
            found.database,
            "data are used only when they are proven",
            f"start it apart, set today's passwords, ask {found.checks} invariants",
            "",
            ("restore",),
        ),
    ]
    if found.carried:
        does = "copy what is proven into the volume, beside the present data"
        cause = "containers keep their data in a volume"
        steps.append(Step("carry", "carry", found.database, cause, does, "remove it", ("prove",)))
    return steps


def _swap(found: Situation, after: tuple[str, ...]) -> list[Step]:
    aside = f"move the present data aside to {found.aside}, " if found.aside else ""
    swap = Step(
        "swap",
        "swap",
        found.database,
        "what was restored is proven",
        f"{aside}put the restored ones in their place",
        "`nexus restore --undo` puts them back",
        after,
    )
    if not found.begun.releases:
        return [swap]
    names = ", ".join(found.begun.releases)
    does = f"make the releases stable that were it then: {names}"
    cause = "the schema is that of an earlier time"
    return [swap, Step("releases", "releases", found.stack.name, cause, does, "the former ones", ("swap",))]


def _empty(found: Situation, known: Collection[str], after: tuple[str, ...]) -> list[Step]:
    return [
        Step(
            f"empty {cache.name}",
            "empty",
            cache.name,
            "its streams tell of what is not there any more",
            "delete all it holds; modules send again what was not acknowledged",
            "",
            (*after, *((f"start {cache.name}",) if f"start {cache.name}" in known else ())),
        )
        for cache in found.after.of_kind("cache")
        if cache.runtime == "valkey"
    ]


def _verified(found: Situation, after: tuple[str, ...]) -> list[Step]:
    steps = []
    if found.checks:
        does = f"ask {found.checks} invariants of what runs"
        steps.append(Step("check", "check", found.database, "the books must be right", does, "", after))
    if found.probes:
        does = "go the ways of users once, through the edge"
        steps.append(Step("probe", "probe", found.stack.name, "users must be served", does, "", after))
    does = "have the stream go on in the new timeline, and ask for a full backup"
    cause = "what comes now has no backup yet"
    last = (*after, *ids(steps))
    return [*steps, Step("resume", "resume", found.database, cause, does, "", last)]
