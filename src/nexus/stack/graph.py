"""Dependency graphs as plain values: name -> the names it needs."""

from __future__ import annotations

from collections.abc import Mapping

Edges = Mapping[str, set[str]]


def find_cycle(edges: Edges) -> list[str] | None:
    """Return one circle as a path that ends where it began, or None."""
    done: set[str] = set()
    for start in edges:
        path: list[str] = []
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                path.pop()
                done.add(name)
            elif name in path:
                return [*path[path.index(name) :], name]
            elif name not in done:
                path.append(name)
                stack.append((name, True))
                stack.extend((need, False) for need in sorted(edges.get(name, ()), reverse=True))
    return None


def ordering(hard: Edges, soft: Edges) -> dict[str, set[str]]:
    """Return all hard edges and each soft edge that closes no circle, taken in the order given."""
    edges = {name: set(needs) for name, needs in hard.items()}
    for name, needs in soft.items():
        for need in sorted(needs):
            if name not in _reach(edges, need):
                edges[name].add(need)
    return edges


def levels(edges: Edges) -> list[list[str]]:
    """Return names by level, in the mapping's order: each level needs only earlier ones.

    Raises ValueError when there is a circle.
    """
    placed: set[str] = set()
    found: list[list[str]] = []
    while len(placed) < len(edges):
        level = [name for name, needs in edges.items() if name not in placed and needs <= placed]
        if not level:
            raise ValueError(f"circle: {' -> '.join(find_cycle(edges) or ())}")
        placed.update(level)
        found.append(level)
    return found


def reach_back(edges: Edges, name: str, transitive: bool) -> set[str]:
    """Return who needs `name`, directly or (transitive) through others."""
    backward: dict[str, set[str]] = {each: set() for each in edges}
    for each, needs in edges.items():
        for need in needs:
            backward.setdefault(need, set()).add(each)
    return (_reach(backward, name) if transitive else backward.get(name, set())) - {name}


def _reach(edges: Edges, start: str) -> set[str]:
    seen = {start}
    waiting = [start]
    while waiting:
        for need in edges.get(waiting.pop(), ()):
            if need not in seen:
                seen.add(need)
                waiting.append(need)
    return seen
