"""Memory and CPU of an idle stack: PSS of every process, and the control loop's share of a core.

    .venv/bin/python bench/idle.py [--seconds 30]

PSS (proportional set size, proc(5)) counts a page shared by n processes as 1/n: the sum is what
the stack really costs. Floors: 900 MB in all; the control loop 120 MB and 2 % of a core.
"""

from __future__ import annotations

import argparse
import time

import psutil

from nexus.testing import throwaway_stack


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--seconds", type=float, default=30.0)
    seconds = options.parse_args().seconds
    with throwaway_stack() as stack:
        time.sleep(10)  # what starts with the stack has settled
        families = {name: _family(pids, name != "control") for name, pids in stack.pids().items()}
        before = {name: _cpu(family) for name, family in families.items()}
        began = time.perf_counter()
        time.sleep(seconds)
        elapsed = time.perf_counter() - began
        total = 0.0
        print(f"{'service':12} {'processes':>9} {'PSS MB':>8} {'% of a core':>12}")
        for name, family in families.items():
            pss = sum(p.memory_full_info().pss for p in family if p.is_running()) / 1e6
            total += pss
            print(
                f"{name:12} {len(family):9} {pss:8.1f} {(_cpu(family) - before[name]) / elapsed * 100:12.2f}"
            )
        print(f"{'all':12} {sum(map(len, families.values())):9} {total:8.1f}   (floor: 900 MB)")


def _family(pids: list[int], with_children: bool) -> list[psutil.Process]:
    """A service's processes; the control loop's children are the services themselves."""
    found: dict[int, psutil.Process] = {}
    for pid in pids:
        parent = psutil.Process(pid)
        for process in (parent, *(parent.children(recursive=True) if with_children else ())):
            found[process.pid] = process
    return list(found.values())


def _cpu(family: list[psutil.Process]) -> float:
    return sum(sum(p.cpu_times()[:2]) for p in family if p.is_running())


if __name__ == "__main__":
    main()
