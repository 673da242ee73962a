"""Backups and restores beside PostgreSQL's own tools and plain copies, and what a lost database costs.

    .venv/bin/python bench/recovery.py [--only backup|restore|rpo] [--scale 140] [--rounds 20] [--repeat 3]

backup   a database of pgbench's (scale 140 is 2.1 GB) is backed up, compressed and encrypted, beside
         `pg_basebackup` to /dev/null and into a folder, and `cp -r`; incrementally after a change; under load
restore  the same database to a moment, verified and serving, beside `cp -r`; one table back in its place
rpo      N times PostgreSQL is killed with SIGKILL at a random moment under 50 orders/s and its data directory
         deleted; all is restored, and compared with what clients were told

Failover is measured by bench/failover.py.
"""

from __future__ import annotations

import argparse

from recovering.backing import measure_backups
from recovering.going_back import measure_restores
from recovering.losing import measure_losses
from recovering.subject import subject

RATE = 50.0


def main() -> None:
    """Runs what was asked for and prints it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("backup", "restore", "rpo"))
    parser.add_argument("--scale", type=int, default=140)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--folder")
    asked = parser.parse_args()
    if asked.only != "rpo":
        with subject(asked.scale, asked.folder) as found:
            if asked.only != "restore":
                measure_backups(found, asked.repeat)
            if asked.only != "backup":
                measure_restores(found, asked.repeat, asked.orders)
    if asked.only in (None, "rpo"):
        measure_losses(asked.rounds, RATE)


if __name__ == "__main__":
    main()
