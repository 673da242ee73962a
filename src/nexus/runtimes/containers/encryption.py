"""Whether what passes between the nodes of a Swarm can be encrypted."""

from __future__ import annotations

import os
import re
from pathlib import Path


def encrypts() -> bool:
    """Whether this machine's kernel can encrypt what passes between nodes (IPsec ESP)."""
    if Path("/proc/net/xfrm_stat").exists() and re.search(r"^esp4 ", _read("/proc/modules"), re.MULTILINE):
        return True
    folder = Path("/lib/modules") / os.uname().release
    return any("/esp4.ko" in _read(str(folder / name)) for name in ("modules.builtin", "modules.dep"))


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""
