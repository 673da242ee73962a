"""Take typed values out of a mapping; what cannot be one is a fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nexus.composefile import units
from nexus.composefile.nodes import Fields, Items, Leaf, Node, text_of
from nexus.composefile.scope import Scope

_FLAGS = {
    **dict.fromkeys(("true", "True", "TRUE", "1", "t", "T", "yes", "y", "on"), True),
    **dict.fromkeys(("false", "False", "FALSE", "0", "f", "F", "no", "n", "off", ""), False),
}


@dataclass(frozen=True)
class Picker:
    """A mapping of the project, and where it stands in it."""

    fields: Fields
    scope: Scope
    where: str

    def node(self, key: str) -> Node | None:
        return self.fields.get(key)

    def inner(self, key: str) -> Picker | None:
        """Return the picker of a mapping below this one."""
        node = self.node(key)
        return Picker(node, self.scope, f"{self.where}.{key}") if isinstance(node, Fields) else None

    def maybe_text(self, key: str) -> str | None:
        node = self.node(key)
        return text_of(node.value) if isinstance(node, Leaf) and node.value is not None else None

    def text(self, key: str) -> str:
        return self.maybe_text(key) or ""

    def texts(self, key: str) -> tuple[str, ...]:
        node = self.node(key)
        items = node.items if isinstance(node, Items) else ()
        return tuple(text_of(each.value) for each in items if isinstance(each, Leaf))

    def maybe_texts(self, key: str) -> tuple[str, ...] | None:
        return self.texts(key) if isinstance(self.node(key), Items) else None

    def mappings(self, key: str) -> tuple[Picker, ...]:
        """Return the pickers of a list of mappings."""
        node = self.node(key)
        items = enumerate(node.items) if isinstance(node, Items) else ()
        return tuple(
            Picker(each, self.scope, f"{self.where}.{key}.{index}")
            for index, each in items
            if isinstance(each, Fields)
        )

    def text_map(self, key: str) -> Mapping[str, str]:
        node = self.node(key)
        entries = node.entries if isinstance(node, Fields) else {}
        return {name: text_of(each.value) for name, each in entries.items() if isinstance(each, Leaf)}

    def maybe_flag(self, key: str) -> bool | None:
        text = self.maybe_text(key)
        if text is None:
            return None
        if text not in _FLAGS:
            self._fault(key, f"{text!r} is neither true nor false", "write true or false")
        return _FLAGS.get(text)

    def flag(self, key: str, default: bool = False) -> bool:
        found = self.maybe_flag(key)
        return default if found is None else found

    def number(self, key: str) -> float | None:
        text = self.maybe_text(key)
        try:
            return None if text is None else float(text)
        except ValueError:
            self._fault(key, f"{text!r} is not a number", "write a number")
            return None

    def whole(self, key: str) -> int | None:
        found = self.number(key)
        if found is not None and found != int(found):
            self._fault(key, f"{self.text(key)} is not a whole number", "write a whole number")
            return None
        return None if found is None else int(found)

    def size(self, key: str) -> int | None:
        text = self.maybe_text(key)
        try:
            return None if text is None else units.size(text)
        except ValueError as error:
            self._from(key, error)
            return None

    def seconds(self, key: str) -> float | None:
        text = self.maybe_text(key)
        try:
            return None if text is None else units.seconds(text)
        except ValueError as error:
            self._from(key, error)
            return None

    def _from(self, key: str, error: ValueError) -> None:
        what, _, mend = str(error).rpartition("; ")
        self._fault(key, what, mend)

    def _fault(self, key: str, what: str, mend: str) -> None:
        self.scope.fault(self.fields.entries[key], f"{self.where}.{key}", what, mend)
