"""The command line speaks English and Brazilian Portuguese (NEXUS_LANG, else LANG)."""

from __future__ import annotations

import os
from functools import cache

from nexus.cli.catalogue import PT_BR


@cache
def language() -> str:
    """`pt-BR` or `en`."""
    for name in ("NEXUS_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "pt-BR" if value.lower().replace("_", "-").startswith("pt") else "en"
    return "en"


def t(text: str, **values: object) -> str:
    """A text in the operator's language, with its values filled in."""
    found = PT_BR.get(text, text) if language() == "pt-BR" else text
    return found.format(**values) if values else found


def title(titles: dict[str, str], name: str) -> str:
    """The title of a service or task in the operator's language."""
    return titles.get(language()) or titles.get("en") or name
