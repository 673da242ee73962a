"""Role inheritance as a graph: role -> parents."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def circle(parents: Mapping[Node, Sequence[Node]], start: Node) -> list[Node]:
    """The way from `start` over its parents back to `start`, both ends included; empty when there is none."""
    came_from: dict[Node, Node] = {}
    waiting = [start]
    while waiting:
        role = waiting.pop()
        for parent in parents.get(role, ()):
            if parent == start:
                return [*_way(came_from, start, role), start]
            if parent not in came_from:
                came_from[parent] = role
                waiting.append(parent)
    return []


def _way(came_from: Mapping[Node, Node], start: Node, end: Node) -> list[Node]:
    way = [end]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]
