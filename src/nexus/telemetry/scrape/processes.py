"""CPU, memory, descriptors and I/O of plain processes, each with all its descendants.

On Linux one pass over /proc tells which process belongs to which instance, what it used and how much memory
is its own. Descendants that ended are counted in their parent's figures by the kernel, so counters never
fall while an instance lives. Elsewhere psutil tells the same, slower and without I/O.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus.telemetry.scrape.sample import Sample
from nexus.telemetry.scrape.source import Pace
from nexus.telemetry.targets import Instance, Targets

if TYPE_CHECKING:
    from nexus.telemetry.scrape.series import Registry

NAMES = frozenset(
    {
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_threads",
        "process_start_time_seconds",
        "process_read_bytes_total",
        "process_write_bytes_total",
        "process_restarts_total",
        "process_count",
    }
)


@dataclass(frozen=True)
class Process:
    """One process. `cpu`: seconds, ended children included; `resident` and `shared`: bytes; `start`: seconds
    since the epoch.
    """

    pid: int
    parent: int
    cpu: float
    threads: int
    start: float
    resident: int
    shared: int


class ProcessSource:
    """Reads the figures of every instance whose process id is known."""

    def __init__(self, registry: Registry, pace: Pace) -> None:
        self.every = pace.servers
        self._registry = registry

    async def close(self) -> None:
        return None

    async def collect(self, targets: Targets, at: float) -> None:
        instances = [instance for instance in targets.instances if instance.pid > 0]
        if not instances:
            return
        for instance, samples in await asyncio.to_thread(_look, instances):
            self._registry.target(instance.service, instance.id).observe(samples, at)


def used(pids: Iterable[int]) -> dict[int, tuple[float, float]]:
    """CPU seconds and resident bytes of these processes with all their descendants, of those that live."""
    known, children = _relations()
    return {pid: _used(known[pid], children) for pid in pids if pid in known}


def _look(instances: Iterable[Instance]) -> list[tuple[Instance, list[Sample]]]:
    known, children = _relations()
    return [
        (instance, list(_samples(instance, known[instance.pid], children)))
        for instance in instances
        if instance.pid in known
    ]


def _relations() -> tuple[dict[int, Process], dict[int, list[Process]]]:
    """All processes by their id, and by their parent's."""
    known = {process.pid: process for process in everything()}
    children: dict[int, list[Process]] = {}
    for process in known.values():
        children.setdefault(process.parent, []).append(process)
    return known, children


def _used(main: Process, children: Mapping[int, list[Process]]) -> tuple[float, float]:
    family = list(_family(main, children))
    own = sum(process.resident - process.shared for process in family[1:])
    return sum(each.cpu for each in family), main.resident + own


def _samples(instance: Instance, main: Process, children: Mapping[int, list[Process]]) -> Iterator[Sample]:
    family = list(_family(main, children))
    cpu, memory = _used(main, children)
    yield Sample("process_cpu_seconds_total", {}, cpu, "counter")
    yield Sample("process_resident_memory_bytes", {}, memory)
    yield Sample("process_threads", {}, sum(each.threads for each in family))
    yield Sample("process_start_time_seconds", {}, main.start)
    yield Sample("process_restarts_total", {}, instance.restarts, "counter")
    yield Sample("process_count", {}, len(family))
    descriptors = [count for each in family if (count := open_descriptors(each.pid)) is not None]
    if descriptors:
        yield Sample("process_open_fds", {}, sum(descriptors))
    moved = [bytes_ for each in family if (bytes_ := moved_bytes(each.pid)) is not None]
    if moved:
        yield Sample("process_read_bytes_total", {}, sum(read for read, _ in moved), "counter")
        yield Sample("process_write_bytes_total", {}, sum(written for _, written in moved), "counter")


def _family(process: Process, children: Mapping[int, list[Process]]) -> Iterator[Process]:
    yield process
    for child in children.get(process.pid, ()):
        yield from _family(child, children)


def everything() -> Iterator[Process]:
    """Every process of this machine that we may see."""
    return _from_proc() if sys.platform == "linux" else _from_psutil()


def _from_proc() -> Iterator[Process]:
    """See proc_pid_stat(5), proc_pid_statm(5)."""
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            with open(f"/proc/{name}/statm", "rb") as file:
                memory = file.read().split()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has just ended, or is hidden from us
        yield Process(
            int(name),
            int(fields[1]),
            sum(map(int, fields[11:15])) / tick,
            int(fields[17]),
            booted + int(fields[19]) / tick,
            int(memory[1]) * page,
            int(memory[2]) * page,
        )


def _from_psutil() -> Iterator[Process]:
    import psutil

    asked = ["pid", "ppid", "cpu_times", "num_threads", "create_time", "memory_info"]
    for process in psutil.process_iter(asked):
        told = process.info
        cpu, memory = told["cpu_times"], told["memory_info"]
        if cpu is None or memory is None:
            continue  # hidden from us
        yield Process(
            told["pid"],
            told["ppid"] or 0,
            cpu.user + cpu.system,
            told["num_threads"] or 0,
            told["create_time"],
            memory.rss,
            getattr(memory, "shared", 0),
        )


def open_descriptors(pid: int) -> int | None:
    """How many descriptors a process has open; None where we may not see it."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None


def moved_bytes(pid: int) -> tuple[int, int] | None:
    """Bytes read from and written to disks; None where we may not see it."""
    try:
        with open(f"/proc/{pid}/io", "rb") as file:
            told = dict(line.split(b": ", 1) for line in file.read().splitlines())
        return int(told[b"read_bytes"]), int(told[b"write_bytes"])
    except (OSError, KeyError, ValueError):
        return None
