"""Names of a Compose project -> names that manifests allow."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nexus.stack.names import RESERVED

NAME_LENGTH, IDENTIFIER_LENGTH = 40, 48


def stack_names(names: Iterable[str]) -> dict[str, str]:
    """Return a name for each service: small letters, digits and dashes; two never share one.

    None has a name of the platform's own: `migrate` becomes `migrate-app`.
    """
    found: dict[str, str] = {}
    for name in names:
        wanted = own = f"{manifest_name(name)}-app" if reserved(name) else manifest_name(name)
        taken = set(found.values())
        number = 2
        while wanted in taken:
            ending = f"-{number}"
            wanted = own[: NAME_LENGTH - len(ending)] + ending
            number += 1
        found[name] = wanted
    return found


def manifest_name(text: str) -> str:
    """Return a text as a manifest's name."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not name[:1].isalpha():
        name = f"s-{name}".rstrip("-")
    return name[:NAME_LENGTH].rstrip("-")


def reserved(name: str) -> bool:
    """Whether the manifest's name for a service would be one of the platform's own."""
    return manifest_name(name) in RESERVED


def identifier(text: str) -> str:
    """Return a text as an identifier: small letters, digits and underscores."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return (name if name[:1].isalpha() else f"s_{name}")[:IDENTIFIER_LENGTH].rstrip("_")
