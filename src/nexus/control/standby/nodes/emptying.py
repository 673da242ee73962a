"""Emptying volumes on other nodes: no manager can remove them, but a job there can empty them."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.control.standby.nodes.record import Left, Records
from nexus.render.containers.standby import FOLDER
from nexus.render.containers.stores import POSTGRES
from nexus.runtimes.containers.engine import EngineError
from nexus.runtimes.containers.managers import Managers
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.containers.keeper import ContainerKeeper

log = logging.getLogger("nexus.control")
EMPTY = f"find {FOLDER} -mindepth 1 -delete"


def image(database: Service) -> str:
    """A database's image."""
    return database.image or POSTGRES


async def empty(managers: Managers, records: Records, with_image: str) -> tuple[str, ...]:
    """Empties what is served no more, on the nodes that are there; returns what is not (`VOLUME of NODE`).

    Raises:
        EngineError: a volume could not be emptied.
    """
    nodes = {each.id: each for each in await managers.nodes()}
    away = []
    for left in records.kept.left:
        node = nodes.get(left.node)
        if node is not None and not (node.ready and node.active):
            away.append(f"{left.volume} of {left.host}")
            continue
        if node is not None:  # else the node is gone from the Swarm, with what it had
            await managers.job("standby-empty", node, left.volume, FOLDER, with_image, EMPTY)
        records.note(left=tuple(each for each in records.kept.left if each != left))
    return tuple(away)


async def empty_elsewhere(keeper: ContainerKeeper) -> None:
    """Empties every volume that the database has had, for the stack's data are deleted. Nothing runs.

    What cannot be emptied is told in the log.
    """
    site, records = keeper.kept, Records(keeper.memory)
    database = next(each for each in site.stack.services if each.runtime == "postgres")
    kept = records.kept
    left, placed = list(kept.left), kept.placed
    if placed.node:
        left.append(Left(placed.node, placed.host, placed.volume))
    if placed.follower is not None:
        left.append(Left(placed.follower.node, placed.follower.host, placed.follower.volume))
    records.note(left=tuple(left), placed=replace(placed, follower=None))
    try:
        away = await empty(Managers(keeper.engine, keeper.project(site).name), records, image(database))
    except EngineError as error:
        away = (str(error),)
    for each in away:
        log.warning("volume %s was not emptied; remove it there (`docker volume rm`)", each)
