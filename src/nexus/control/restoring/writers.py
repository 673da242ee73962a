"""Who must stand still while the data of a stack are exchanged. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from nexus.control.facts import Facts
from nexus.stack import Service, Stack

STORES = ("database", "cache")


def writers(stack: Stack) -> tuple[str, ...]:
    """The modules that write into a database or a cache; gateways and pages without data go on answering."""
    return tuple(
        service.name
        for service in stack.of_kind("module")
        if service.database or any(_is_store(stack, need) for need in service.needs.hard)
    )


def changing(stack: Stack, releases: Mapping[str, str]) -> tuple[str, ...]:
    """The modules whose release is to be another one."""
    modules = stack.of_kind("module")
    return tuple(each.name for each in modules if releases.get(each.name, each.release) != each.release)


def without(facts: Facts, stopped: Collection[str]) -> Facts:
    """The facts as they will be once these services are down and the restored data are in place."""
    instances = {name: each for name, each in facts.instances.items() if name not in stopped}
    return replace(
        facts,
        instances=instances,
        pending=dict.fromkeys(facts.pending, None),
        schemas={},
        stale=frozenset(facts.stale - set(stopped)),
    )


def users(stack: Stack, service: Service, among: Collection[str]) -> tuple[str, ...]:
    """Those `among` which need a service hard: they must be down before it goes."""
    return tuple(name for name in among if service.name in stack.service(name).needs.hard)


def _is_store(stack: Stack, name: str) -> bool:
    return stack.has(name) and stack.service(name).kind in STORES
