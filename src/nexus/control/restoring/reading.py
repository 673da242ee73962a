"""What a restore in place must know of the stack before it is planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.business import InvariantError, load_invariants
from nexus.control.addresses import Refused
from nexus.control.containers.keeper import ContainerKeeper
from nexus.control.facts import Facts
from nexus.control.migrating.sources import server_of
from nexus.control.restoring import ways
from nexus.control.restoring.begun import Begun
from nexus.control.restoring.exchange import Exchange
from nexus.control.restoring.folders import Folders
from nexus.control.restoring.matching import Matched, match, then
from nexus.control.restoring.plan import Situation
from nexus.control.restoring.volumes import Volumes
from nexus.control.standby.record import Records
from nexus.runtimes.containers.engine import EngineError
from nexus.runtimes.containers.placing import placed_in
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Service, Stack

if TYPE_CHECKING:
    from nexus.control.world import World

SETS = 100


def kept_site(world: World) -> Site:
    """The stack that is restored.

    Raises:
        Refused: none is known here.
    """
    if world.site is None:
        raise Refused(
            "no stack is known here; start it with `nexus up`, or restore into a new one: "
            "nexus restore --from PLACE --key FILE --into HOME"
        )
    return world.site


def refuse_deployment(world: World) -> None:
    """A restore decides over releases alone.

    Raises:
        Refused: a deployment has not ended.
    """
    for each in world.catalogue.unfinished():
        names = ", ".join(each.services)
        raise Refused(f"deployment {each.id} of {names} has not ended; `nexus deploy --abort` ends it")


def refuse_standby(world: World) -> None:
    """A standby goes on in the former timeline, and must not be promoted from there.

    Raises:
        Refused: there is one.
    """
    placed = placed_in(world.register)
    elsewhere = placed is not None and placed.follower is not None
    if elsewhere or Records(world.register).standby is not None:
        raise Refused(
            "a standby follows the database, and would keep what the restore takes back; remove it first "
            "with `nexus standby remove`, and add it again afterwards (where only the database is lost, "
            "`nexus failover` needs no restore)"
        )


async def exchange_of(world: World) -> Exchange:
    """How the data of the stack are exchanged on its runtime.

    Raises:
        Refused: the engine does not answer.
    """
    site = kept_site(world)
    server = server_of(site.stack)
    keeper = world.keeper
    if not isinstance(keeper, ContainerKeeper):
        return Folders(world.home, server.name)
    volume = keeper.project(site).volume(server.name)
    try:
        away = await _away(keeper, server, volume) if keeper.runtime == "swarm" else ""
    except EngineError as error:
        raise Refused(str(error)) from error
    return Volumes(world.home, keeper.engine, server, volume, away)


async def _away(keeper: ContainerKeeper, server: Service, volume: str) -> str:
    """The node that has the volume, when it is not ours; "" when it is."""
    own = str(await keeper.engine.json("info", "--format", "{{json .Name}}"))
    nodes = [each.node for each in keeper.instances().get(server.name, ()) if each.node]
    if nodes:
        return "" if own in nodes else nodes[0]
    there = await keeper.engine.command("volume", "ls", "--quiet", "--filter", f"name=^{volume}$")
    return "" if there.strip() else "that ran it last"


def matched(world: World, at: float | None, noted: Mapping[str, str], latest: bool, keep: bool) -> Matched:
    """Which releases are to run on the restored schema."""
    if latest or keep:
        return Matched()
    site = kept_site(world)
    modules = {each.name for each in site.stack.services if each.is_brick}
    present = {name: id for name, id in world.catalogue.stable().items() if name in modules}
    wanted = then(world.catalogue.sets(SETS), at, noted)

    def why_not(service: str, release: str) -> str:
        try:
            world.service_of(service, release)
        except StartError as error:
            return str(error)
        return ""

    return match(present, {name: id for name, id in wanted.items() if name in present}, why_not)


async def situation(world: World, begun: Begun, exchange: Exchange) -> Situation:
    """All that the plan is made from.

    Raises:
        Refused: an invariant's file is wrong.
    """
    site = kept_site(world)
    after = _with(world, site.stack, begun.releases)
    server = server_of(site.stack)
    try:
        checks = len(load_invariants(site.stack).usable)
    except InvariantError as error:
        raise Refused(str(error)) from error
    found = Situation(
        stack=site.stack,
        after=after,
        facts=await facts(world, replace(site, stack=after)),
        begun=begun,
        database=server.name,
        carried=exchange.carried,
        checks=checks,
        probes=ways.can_go(after),
        aside=await exchange.former(begun.stamp),
        counts=site.stack.recovery.stream,
    )
    bricks = [each.name for each in after.services if each.is_brick]
    return replace(found, unbuilt=await world.keeper.unbuilt(replace(site, stack=after), bricks))


async def facts(world: World, site: Site) -> Facts:
    """What is; a database that was damaged cannot say what is pending, and need not."""
    keeper = world.keeper
    try:
        return await keeper.observe(site)
    except StartError:
        owners = [each.name for each in site.stack.services if each.database]
        databases = frozenset(each.name for each in site.stack.of_kind("database"))
        there = keeper.instances()
        return Facts(site.ports, there, initialised=databases, pending=dict.fromkeys(owners, None))


def _with(world: World, stack: Stack, releases: Mapping[str, str]) -> Stack:
    """The stack with these releases."""
    new = {name: world.service_of(name, id) for name, id in releases.items()}
    return replace(stack, services=tuple(new.get(each.name, each) for each in stack.services))
