"""Bodies -> the text of YAML files that say who wrote them, and prove that nobody changed them since."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

_SHORT = frozenset({"needs", "health", "migrations", "database", "resources", "rollout", "scale"})
_HEADER = re.compile(
    r"\A# Written by `nexus adopt`[^\n]*\n# Unchanged lines have the digest ([0-9a-f]{16})\n"
)


def render(body: Mapping[str, Any], source: str) -> str:
    """Return a file's text. `source` names what it was made from."""
    yaml = YAML(typ="rt")
    yaml.width = 110
    stream = io.StringIO()
    yaml.dump(_plain(body), stream)
    return headed(stream.getvalue(), source)


def headed(text: str, source: str) -> str:
    """Return a text with the lines that say who wrote it."""
    return (
        f"# Written by `nexus adopt` from {source}\n# Unchanged lines have the digest {_digest(text)}\n{text}"
    )


def untouched(text: str) -> bool:
    """Whether a file's text is one that `render` made and nobody changed."""
    match = _HEADER.match(text)
    return match is not None and match[1] == _digest(text[match.end() :])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any, key: str = "") -> Any:
    """Return nested values as YAML shows them best: small mappings in one line."""
    if isinstance(value, Mapping):
        made = CommentedMap({name: _plain(each, name) for name, each in value.items()})
        nested = any(isinstance(each, Mapping) for each in value.values())
        if nested or key not in _SHORT:
            made.fa.set_block_style()
        else:
            made.fa.set_flow_style()
        return made
    if isinstance(value, list | tuple):
        items = CommentedSeq(_plain(each) for each in value)
        items.fa.set_flow_style()
        return items
    return value
