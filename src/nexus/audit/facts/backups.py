"""What backs up which kind of database: programs, and images that do it by their own clock."""

from __future__ import annotations

import re

from nexus.audit.facts.images import DUMPABLE, parse_image

_PROGRAMS = (
    (
        r"pg_dump|pg_dumpall|pg_basebackup|pgbackrest|barman(-cloud-backup)?|wal-g|pg_probackup",
        frozenset(["postgres"]),
    ),
    (
        r"mysqldump|mysqlpump|mariadb-dump|mydumper|xtrabackup|maria(db-)?backup",
        frozenset(["mysql"]),
    ),
    (r"mongodump", frozenset(["mongo"])),
    (r"restic|resticprofile|autorestic|borg|borgmatic|kopia|duplicity|duplicati-cli|velero", DUMPABLE),
)
"""Programs of one kind of database, and at last those that save whole volumes."""

_IMAGES = (
    (r"(postgres|postgresql|pg|pgsql)[-_]?\w*[-_]?backups?\b.*|pgbackups?.*", frozenset(["postgres"])),
    (r"(mysql|mariadb)[-_]?\w*[-_]?backups?\b.*", frozenset(["mysql"])),
    (r"mongo(db)?[-_]?\w*[-_]?backups?\b.*", frozenset(["mongo"])),
    (r"(docker-)?(db|volume|database)-?backups?\b.*|volumerize|duplicati|borgmatic|resticker", DUMPABLE),
)
"""Images that wake up by their own clock, by their names."""

_PROGRAM = tuple((re.compile(rf"(?<![\w.-])(?:{names})(?![\w-])"), kinds) for names, kinds in _PROGRAMS)


def backed_up_by(text: str) -> frozenset[str]:
    """Return the kinds of databases that the programs in a command back up."""
    return frozenset(kind for program, kinds in _PROGRAM if program.search(text) for kind in kinds)


def backed_up_by_image(reference: str) -> frozenset[str]:
    """Return the kinds of databases that an image backs up by its own clock."""
    name = parse_image(reference).name if reference else ""
    return next((kinds for names, kinds in _IMAGES if re.fullmatch(names, name)), frozenset())
