"""Compose files -> one document: each filled, checked, extended, and laid over the ones before."""

from __future__ import annotations

import os.path
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nexus.composefile.canonical import canonical_resource, canonical_service
from nexus.composefile.extending import extended
from nexus.composefile.filling import fill
from nexus.composefile.merging import merge
from nexus.composefile.nodes import Fields, Items, Leaf, Node, text_of
from nexus.composefile.places import Place
from nexus.composefile.reading import read_documents
from nexus.composefile.schema import PROJECT
from nexus.composefile.scope import Scope
from nexus.composefile.shapes import check

SECTIONS = ("services", "networks", "volumes", "secrets", "configs")


def read_layers(files: Sequence[Path], scope: Scope, chain: tuple[Path, ...] = ()) -> Fields:
    """Read files and lay each over the ones before. Raises ComposeError when one is unreadable."""
    total = Fields({}, Place(files[0]))
    for file in files:
        for document in read_documents(file):
            layer = _layer(document, file, scope, (*chain, file))
            merged = merge(total, layer)
            total = merged if isinstance(merged, Fields) else total
        if file not in scope.files:
            scope.files.append(file)
    return total


def read_plain(file: Path, scope: Scope) -> Fields:
    """Read one file without what it includes, its services in long form but not yet extended."""
    total = Fields({}, Place(file))
    for document in read_documents(file):
        merged = merge(total, _canonical(document, scope))
        total = merged if isinstance(merged, Fields) else total
    if file not in scope.files:
        scope.files.append(file)
    return total


def _layer(document: Fields, file: Path, scope: Scope, chain: tuple[Path, ...]) -> Fields:
    layer = extended(_canonical(document, scope), file, scope, read_plain)
    include = layer.get("include")
    if not isinstance(include, Items):
        return layer
    total = replace(layer, entries={key: each for key, each in layer.entries.items() if key != "include"})
    for index, item in enumerate(include.items):
        total = _with_included(total, item, scope, chain, f"include.{index}")
    return total


def _canonical(document: Fields, scope: Scope) -> Fields:
    """Fill in the variables, check the shape and write out the short forms."""
    filled = fill(document, scope)
    if not isinstance(filled, Fields):
        return document
    known = len(scope.faults)
    check(filled, PROJECT, scope)
    broken = {fault.at for fault in scope.faults[known:]}
    entries = dict(filled.entries)
    for section in SECTIONS:
        node = entries.get(section)
        if not isinstance(node, Fields):
            entries.pop(section, None)
            continue
        made: dict[str, Node] = {}
        for name, child in node.entries.items():
            if section == "services" and name.startswith("x-"):
                continue
            where = f"{section}.{name}"
            if section == "services" and isinstance(child, Fields) and child.mark != "reset":
                child = canonical_service(_sound(child, broken), scope, where)
            elif section != "services":
                child = canonical_resource(section, child, scope, where)
            made[name] = child
        entries[section] = replace(node, entries=made)
    return replace(filled, entries=entries)


def _sound(service: Fields, broken: set[Place]) -> Fields:
    """Leave out what was found wrong already, so that nothing is told twice."""
    return replace(service, entries={k: each for k, each in service.entries.items() if each.at not in broken})


def _with_included(total: Fields, item: Node, scope: Scope, chain: tuple[Path, ...], where: str) -> Fields:
    fields = item.entries if isinstance(item, Fields) else {"path": item}
    files = [Path(scope.path(text)) for text in _texts(fields.get("path"))]
    if not files:
        scope.fault(item, where, "names no file", "add `path: file.yaml`")
        return total
    folder = _texts(fields.get("project_directory"))
    base = Path(scope.path(folder[0])) if folder else files[0].parent
    given = tuple(Path(scope.path(text)) for text in _texts(fields.get("env_file")))
    env_files = given or tuple(file for file in (base / ".env",) if os.path.isfile(file))
    for file in (*files, *given):
        if not os.path.isfile(file):
            scope.fault(item, where, f"{file} does not exist", "mend the path")
            return total
        if file in chain:
            path = " -> ".join(each.name for each in (*chain[chain.index(file) :], file))
            scope.fault(item, where, f"files include each other in a circle: {path}", "remove one include")
            return total
    included = read_layers(files, scope.within(base, env_files), chain)
    return _joined(total, included, scope, item, where)


def _joined(total: Fields, included: Fields, scope: Scope, item: Node, where: str) -> Fields:
    entries = dict(total.entries)
    for section in SECTIONS:
        theirs = included.get(section)
        if not isinstance(theirs, Fields):
            continue
        ours = entries.get(section)
        known = dict(ours.entries) if isinstance(ours, Fields) else {}
        for name, node in theirs.entries.items():
            if name in known and not _same(known[name], node):
                what = f"{section[:-1]} {name!r} is defined in {known[name].at} and in {node.at}"
                scope.fault(item, where, what, "rename or remove one of them")
            known.setdefault(name, node)
        entries[section] = Fields(known, theirs.at)
    return replace(total, entries=entries)


def _same(one: Node, other: Node) -> bool:
    if isinstance(one, Fields) and isinstance(other, Fields):
        return one.entries.keys() == other.entries.keys() and all(
            _same(each, other.entries[key]) for key, each in one.entries.items()
        )
    if isinstance(one, Items) and isinstance(other, Items):
        return len(one.items) == len(other.items) and all(map(_same, one.items, other.items))
    return isinstance(one, Leaf) and isinstance(other, Leaf) and one.value == other.value


def _texts(node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    items = node.items if isinstance(node, Items) else (node,)
    return tuple(text_of(each.value) for each in items if isinstance(each, Leaf))
