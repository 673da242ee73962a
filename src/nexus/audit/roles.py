"""What a file is for, told by its name and folder: development, back-up, restore, roll-back, deployment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_DEVELOPMENT = re.compile(
    r"(^|[-_.])(devel|dev|development|devcontainer|tests?|testing|local|localhost|e2e|ci|override|debug|examples?"
    r"|samples?|demos?|bench|benchmarks?|docs?|fixtures?|testdata|playground|tutorials?|sandbox|integration|perf|mock"
    r"|dependencies|quickstart)([-_.\d]|$)",
    re.IGNORECASE,
)
_TOOL = re.compile(r"(^|[-_.])(tools?|debugging|admin-?tools?)([-_.\d]|$)", re.IGNORECASE)
_PRODUCTION = re.compile(
    r"(^|[-_.])(prod|production|deploy|live|swarm|release|server|hom|staging)([-_.]|$)", re.IGNORECASE
)
_CLEANING = re.compile(
    r"(^|[-_./])(clean|cleanup|reset|nuke|destroy|teardown|wipe|purge|uninstall|stop-all)", re.IGNORECASE
)


def for_development(path: Path) -> bool:
    """Tell whether a file serves developers and tests, not production."""
    return any(_DEVELOPMENT.search(part) for part in path.parts) and not for_production(path)


def profiles_for_development(profiles: Iterable[str]) -> bool:
    """Tell whether profiles serve developers only; a service without any always starts."""
    given = tuple(profiles)
    return bool(given) and all(_DEVELOPMENT.search(each) or _TOOL.search(each) for each in given)


def for_production(path: Path) -> bool:
    """Tell whether a file says by its name that it serves production."""
    return bool(_PRODUCTION.search(path.name))


def for_cleaning(path: Path) -> bool:
    """Tell whether a file says by its name that it throws things away."""
    return bool(_CLEANING.search(path.as_posix()))


def is_backup(path: Path) -> bool:
    """Tell whether a script makes backups, by its name."""
    return bool(re.search(r"backup|(^|[-_])(dump|bkp)", path.stem, re.IGNORECASE)) and not is_restore(path)


def is_restore(path: Path) -> bool:
    """Tell whether a script restores, by its name."""
    return bool(re.search(r"restore|restaura|recover", path.stem, re.IGNORECASE))


def is_rollback(path: Path) -> bool:
    """Tell whether a script rolls back, by its name."""
    return bool(re.search(r"roll-?_?back|revert|undo-deploy", path.stem, re.IGNORECASE))


def is_deployment(path: Path) -> bool:
    """Tell whether a script deploys, by its name."""
    return bool(
        re.search(
            r"deploy|release|publish|upgrade|update|provision|(^|[-_])(up|start)$", path.stem, re.IGNORECASE
        )
    )


def is_entrypoint(path: Path) -> bool:
    """Tell whether a script starts a container, by its name."""
    return bool(
        re.search(r"entry-?_?point|(^|[-_])(start|init|migrate|bootstrap)$", path.stem, re.IGNORECASE)
    )
