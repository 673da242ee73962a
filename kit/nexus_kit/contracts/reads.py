"""JSON values that tell which of their fields are read. They are still dicts and lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Note = Callable[[str, bool], None]
"""Called with a field (`items[].id`), and whether its reader asked if it is there at all."""


def watched(value: Any, note: Note, path: str = "") -> Any:
    """`value`, whose readers are noted."""
    if isinstance(value, dict):
        return _Object(value, note, path)
    if isinstance(value, list):
        return [watched(each, note, f"{path}[]") for each in value]
    return value


class _Object(dict[str, Any]):
    def __init__(self, value: dict[str, Any], note: Note, path: str) -> None:
        before = f"{path}." if path else ""
        super().__init__({key: watched(each, note, before + key) for key, each in value.items()})
        self._note, self._before = note, before

    def __getitem__(self, key: str) -> Any:
        self._note(self._before + key, False)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._note(self._before + key, True)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self._note(self._before + str(key), True)
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        return self._all(iter(super().keys()))

    def items(self) -> Any:
        return self._all(super().items())

    def values(self) -> Any:
        return self._all(super().values())

    def _all(self, inner: Any) -> Any:
        """Whoever goes through all fields reads each."""
        for key in super().keys():  # noqa: SIM118 - __iter__ notes
            self._note(self._before + key, True)
        return inner
