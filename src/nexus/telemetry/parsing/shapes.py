"""What the keys of a JSON line mean, worked out once for all lines that have the same keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nexus.telemetry.masking import sensitive
from nexus.telemetry.parsing.names import ATTRIBUTES, COLUMNS, PROXY_ATTRIBUTES

MOST = 2048  # shapes remembered; writers that invent keys for ever do not fill our memory


@dataclass(frozen=True, eq=False)
class Shape:
    """`columns`: column → key. `rest`: the key and the attribute's name of everything else; `secret`: key →
    mask of those whose values nobody may read.
    """

    columns: Mapping[str, str]
    rest: tuple[tuple[str, str], ...]
    secret: Mapping[str, str]


class Shapes:
    """The shapes of one writer's lines. `proxy`: its names are those of an access log."""

    def __init__(self, proxy: bool = False) -> None:
        self._known: dict[tuple[str, ...], Shape] = {}
        self._names = PROXY_ATTRIBUTES if proxy else ATTRIBUTES

    def of(self, keys: tuple[str, ...]) -> Shape:
        """The shape of lines that have these keys in this order."""
        found = self._known.get(keys)
        if found is None:
            if len(self._known) >= MOST:
                self._known.clear()
            found = self._known[keys] = self._work_out(keys)
        return found

    def _work_out(self, keys: tuple[str, ...]) -> Shape:
        columns = {
            column: next(name for name in names if name in keys)
            for column, names in COLUMNS.items()
            if any(name in keys for name in names)
        }
        taken = set(columns.values())
        rest = tuple((key, self._names.get(key, key)) for key in keys if key not in taken)
        secret = {key: mark for key, _ in rest if (mark := sensitive(key))}
        return Shape(columns, rest, secret)
