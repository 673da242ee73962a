"""The environment and the labels of a service: its files first, then its own entries."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from pathlib import Path

from nexus.composefile.dotenv import Entry, read_dotenv, read_raw
from nexus.composefile.model import Value
from nexus.composefile.nodes import Fields, Leaf, text_of
from nexus.composefile.picking import Picker
from nexus.composefile.places import ComposeError


def values_of(pick: Picker, key: str) -> Mapping[str, Value]:
    """Return a mapping of values; those without a value take the variable of that name."""
    node = pick.node(key)
    entries = node.entries if isinstance(node, Fields) else {}
    return {
        name: Value(
            pick.scope.variables.get(name) if each.value is None else text_of(each.value), each.at, each.raw
        )
        for name, each in entries.items()
        if isinstance(each, Leaf)
    }


def environment_of(pick: Picker) -> Mapping[str, Value]:
    """Return the environment with that of the `env_file`s."""
    found: dict[str, Value] = {}
    for each in pick.mappings("env_file"):
        known = {name: value.text for name, value in found.items()}
        entries = _file_entries(each, known)
        found.update(
            {n: Value(e.value, e.at, e.raw, True) for n, e in entries.items() if e.value is not None}
        )
    return {**found, **values_of(pick, "environment")}


def labels_of(pick: Picker) -> Mapping[str, Value]:
    """Return the labels with those of the `label_file`s."""
    found: dict[str, Value] = {}
    for text in pick.texts("label_file"):
        try:
            entries = read_dotenv(Path(text), pick.scope.variables.get)
        except ComposeError as error:
            pick.scope.faults.extend(error.faults)
            continue
        found.update({n: Value(e.value or "", e.at, e.raw, True) for n, e in entries.items()})
    own = pick.node("labels")
    for name, each in own.entries.items() if isinstance(own, Fields) else ():
        if isinstance(each, Leaf):
            found[name] = Value(text_of(each.value), each.at, each.raw)
    return found


def _file_entries(pick: Picker, known: Mapping[str, str | None]) -> Mapping[str, Entry]:
    path = Path(pick.text("path"))
    if not os.path.isfile(path):
        if pick.flag("required", True):
            pick.scope.fault(
                pick.fields, pick.where, f"{path} does not exist", "create it or add `required: false`"
            )
        return {}

    def lookup(name: str) -> str | None:
        value = pick.scope.variables.get(name)
        return value if value is not None else known.get(name)

    try:
        return read_raw(path) if pick.text("format") == "raw" else read_dotenv(path, lookup)
    except ComposeError as error:
        pick.scope.faults.extend(error.faults)
        return {}
