"""Tasks in an order that keeps what must come before what."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

Task = TypeVar("Task")


def ordered(
    tasks: Collection[Task], before: Iterable[tuple[Task, Task]], rank: Callable[[Task], Any]
) -> list[Task]:
    """`tasks` so that the first of each pair of `before` precedes the second; else by `rank`, unique to each.

    Where the pairs go in a circle, it is opened at the task of the least rank.
    """
    waits: dict[Task, set[Task]] = {task: set() for task in tasks}
    follow: dict[Task, set[Task]] = defaultdict(set)
    for first, second in before:
        if first != second and first in waits and second in waits:
            waits[second].add(first)
            follow[first].add(second)
    ready = [(rank(task), task) for task in waits if not waits[task]]
    heapq.heapify(ready)
    found: list[Task] = []
    done: set[Task] = set()
    while len(found) < len(waits):
        if not ready:
            task = min((each for each in waits if each not in done), key=rank)
        else:
            task = heapq.heappop(ready)[1]
            if task in done:
                continue
        found.append(task)
        done.add(task)
        for each in follow[task]:
            waits[each].discard(task)
            if not waits[each] and each not in done:
                heapq.heappush(ready, (rank(each), each))
    return found
