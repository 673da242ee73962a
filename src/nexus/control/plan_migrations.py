"""The steps of `up` that bring schemas up to date, in the order in which modules depend on each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from nexus.control.facts import Facts, SchemaFacts
from nexus.plans import Step
from nexus.releases.facts import MigrationFacts
from nexus.releases.planning.migrating import Run, runs
from nexus.stack import Service, Stack

NOTHING = SchemaFacts()


def migrations(stack: Stack, facts: Facts, base: tuple[str, ...]) -> list[Step]:
    """One step for each module of which something is pending; more where modules take turns. Pure."""
    owners = [service for service in stack.services if service.database]
    ordered = runs({service.name: _due(facts, service) for service in owners})
    counted = Counter(run.service for run in ordered)
    found = [
        _step(stack, facts, service, Run(service.name, ()), base, whole=not _held(facts, service))
        for service in owners
        if service.name not in counted and _lacks(facts, service)
    ]
    for number, run in enumerate(ordered):
        service = stack.service(run.service)
        whole = counted[run.service] == 1 and not _held(facts, service)
        found.append(_step(stack, facts, service, run, (*base, *_before(run, ordered[:number])), whole))
    return found


def waiting(facts: Facts) -> list[str]:
    """What operators should know of migrations that are not applied now. Pure."""
    failed = [schema.failed for schema in facts.schemas.values() if schema.failed]
    return failed + [
        f"{name}: the {_kind(each)}migration {each.name} waits: {schema.held[each.name]}; "
        "`nexus migrate apply` applies it later"
        for name, schema in facts.schemas.items()
        for each in schema.pending
        if each.name in schema.held
    ]


def _kind(migration: MigrationFacts) -> str:
    return "contract " if migration.phase == "contract" else ""


def _held(facts: Facts, service: Service) -> Mapping[str, str]:
    return facts.schemas.get(service.name, NOTHING).held


def _due(facts: Facts, service: Service) -> tuple[MigrationFacts, ...]:
    schema = facts.schemas.get(service.name, NOTHING)
    return tuple(each for each in schema.pending if each.name not in schema.held)


def _lacks(facts: Facts, service: Service) -> bool:
    """Whether anything but what is held is pending, or nobody knows."""
    pending = facts.pending.get(service.name)
    return pending is None or any(name not in _held(facts, service) for name in pending)


def _before(run: Run, earlier: Sequence[Run]) -> tuple[str, ...]:
    """The steps that a run waits for: of its own module, and of what it depends on."""
    wanted = {name for each in run.migrations for name in each.depends}
    return tuple(
        other.step
        for other in earlier
        if other.service == run.service
        or wanted & {f"{other.service}/{each.name}" for each in other.migrations}
    )


def _step(stack: Stack, facts: Facts, service: Service, run: Run, base: tuple[str, ...], whole: bool) -> Step:
    """`whole`: all that is pending of the module is applied by this step."""
    pending = facts.pending.get(service.name)
    names = tuple(each.name for each in run.migrations)
    databases = [need for need in service.needs.hard if _is_database(stack, need)]
    told_by_itself = service.database is not None and service.database.migrations.format == "command"
    built = (f"build {service.name}",) if told_by_itself else ()  # its own tool comes with it
    if pending is None:
        known = any(facts.ready(need) for need in databases)
        cause = "its secrets change" if known else "the database does not run yet"
        does = "create role and schema, apply what is pending"
    else:
        told = pending if whole else names
        cause = f"pending: {', '.join(told)}"
        does = f"create role and schema, apply {len(told)} migrations"
    return Step(
        run.step,
        "migrate",
        service.name,
        cause,
        does,
        after=(*base, "release", *built, *(f"start {need}" for need in databases)),
        arguments={} if whole else {"names": ",".join(names)},
        in_parts=True,
    )


def _is_database(stack: Stack, name: str) -> bool:
    return stack.has(name) and stack.service(name).kind == "database"
