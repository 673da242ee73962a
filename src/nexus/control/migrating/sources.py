"""Where the modules of a stack keep their migrations, and whose they are."""

from __future__ import annotations

from nexus.control.addresses import Refused
from nexus.control.secrets import role
from nexus.migrations import owner_of
from nexus.migrations.migration import Source
from nexus.runtimes.site import needed
from nexus.stack import Service, Stack
from nexus.stack.errors import suggest


def source_of(service: Service) -> Source | None:
    """Where a service keeps its migrations; None for one without a schema. Pure."""
    if service.database is None or service.migrations is None:
        return None
    schema, told = service.database.schema_, service.database.migrations
    return Source(
        service.name, schema, owner_of(schema), role(service), service.migrations, told.format, told.command
    )


def sources_of(stack: Stack) -> tuple[Source, ...]:
    """The sources of all modules that have a schema, in the stack's order. Pure."""
    return tuple(found for service in stack.services if (found := source_of(service)))


def chosen(sources: tuple[Source, ...], module: str) -> Source:
    """The source of a module that the operator names.

    Raises:
        Refused: the stack has none of that name with a schema; says which it has.
    """
    for each in sources:
        if each.module == module:
            return each
    raise Refused(
        f"no module {module!r} has a schema in this stack; {suggest(module, [s.module for s in sources])}"
    )


def server_of(stack: Stack) -> Service:
    """The database service that holds the schemas of all modules.

    Raises:
        Refused: no module has a schema, or they have them in several servers, which one plan cannot order.
    """
    owners = [service for service in stack.services if service.database]
    servers = {found.name: found for service in owners if (found := needed(stack, service, "postgres"))}
    if not servers:
        raise Refused("no module of this stack has a schema; give one a `database` in its module.yaml")
    if len(servers) > 1:
        raise Refused(
            f"modules have their schemas in several servers ({', '.join(servers)}), and one plan cannot "
            "order changes over them; name one server in every needs.hard"
        )
    return next(iter(servers.values()))
