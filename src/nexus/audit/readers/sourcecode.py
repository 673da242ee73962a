"""On which port an application's own code listens, as far as its text says so."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nexus.audit.project import FOREIGN

SUFFIXES = frozenset([".js", ".ts", ".mjs", ".cjs", ".py", ".go", ".rb", ".java", ".kt", ".php", ".rs"])
MOST_FILES, LARGEST = 400, 200_000

_READS_PORT = re.compile(
    r"""process\.env\.PORT\b|process\.env\[['"]PORT['"]\]|environ(?:\.get)?[\[(]['"]PORT['"]"""
    r"""|[gG]etenv\(['"]PORT['"]|ENV\[['"]PORT['"]\]|env\(['"]PORT['"]|configService\.get\w*(?:<\w+>)?\(['"]PORT['"]"""
)
_DEFAULT = re.compile(
    r"""process\.env\.PORT\s*(?:\|\||\?\?)\s*['"]?(\d{2,5})|environ\.get\(['"]PORT['"],\s*['"]?(\d{2,5})"""
    r"""|getenv\(['"]PORT['"],\s*['"]?(\d{2,5})"""
)
_LISTENS = re.compile(
    r"""\.listen\(\s*(\d{2,5})\b|ListenAndServe\(\s*"[^"]*:(\d{2,5})"|\.run\([^)]*\bport\s*=\s*(\d{2,5})"""
    r"""|serve\(\s*\{[^}]*\bport:\s*(\d{2,5})"""
)


@dataclass(frozen=True)
class Listening:
    """What the code says: whether it obeys PORT, its default for it, and ports it names itself."""

    reads_port: bool
    ports: frozenset[int]


def listening(folder: Path) -> Listening:
    """Look through the sources below a folder, without what others wrote and without tests."""
    reads, ports = False, set()
    for path in _sources(folder):
        text = path.read_text(encoding="utf-8", errors="replace")
        reads = reads or bool(_READS_PORT.search(text))
        for pattern in (_DEFAULT, _LISTENS):
            ports |= {int(found) for match in pattern.finditer(text) for found in match.groups() if found}
    return Listening(reads, frozenset(ports))


def _sources(folder: Path) -> Iterator[Path]:
    count = 0
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(
            f for f in folders if f not in FOREIGN and not f.startswith(".") and "test" not in f
        )
        for name in sorted(names):
            path = Path(here) / name
            wanted = path.suffix in SUFFIXES and ".test." not in name and ".spec." not in name
            if wanted and path.is_file() and path.stat().st_size <= LARGEST:
                yield path
                count += 1
                if count >= MOST_FILES:
                    return
