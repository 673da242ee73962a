"""`extends`: a service laid over another one, of the same file or of another."""

from __future__ import annotations

import os.path
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from nexus.composefile.merging import merge
from nexus.composefile.nodes import Fields, Leaf, Node, text_of
from nexus.composefile.places import suggest
from nexus.composefile.scope import Scope

Reader = Callable[[Path, Scope], Fields]
Visit = tuple[Path, str]


def extended(document: Fields, file: Path, scope: Scope, read: Reader) -> Fields:
    """Return the document with every `extends` carried out. Faults go to the scope."""
    services = document.get("services")
    if not isinstance(services, Fields):
        return document
    made = {name: _service(name, services, file, scope, read, ()) for name in services.entries}
    return replace(document, entries={**document.entries, "services": replace(services, entries=made)})


def _service(
    name: str, services: Fields, file: Path, scope: Scope, read: Reader, seen: tuple[Visit, ...]
) -> Node:
    service = services.entries[name]
    extends = service.get("extends") if isinstance(service, Fields) else None
    if not isinstance(service, Fields) or extends is None:
        return service
    own = replace(service, entries={key: each for key, each in service.entries.items() if key != "extends"})
    where = f"services.{name}.extends"
    seen = (*seen, (file, name))
    base_name, base_file = _named(extends)
    if base_file and not os.path.isfile(path := Path(scope.path(base_file))):
        scope.fault(extends, where, f"{path} does not exist", "mend the path")
        return own
    target = Path(scope.path(base_file)) if base_file else file
    if (target, base_name) in seen:
        circle = " -> ".join(
            each for _, each in (*seen[seen.index((target, base_name)) :], (target, base_name))
        )
        scope.fault(extends, where, f"services extend each other in a circle: {circle}", "remove one extends")
        return own
    inner = scope.within(target.parent) if base_file else scope
    if target != file:
        body = read(target, inner).get("services")
        services = body if isinstance(body, Fields) else Fields({}, extends.at)
    if base_name not in services.entries:
        what = f"{target.name} has no service {base_name!r}"
        scope.fault(extends, where, what, suggest(base_name, services.entries))
        return own
    base = _service(base_name, services, target, inner, read, seen)
    merged = merge(base, own, ("services", name))
    return replace(merged, at=service.at) if isinstance(merged, Fields) else own


def _named(extends: Node) -> tuple[str, str]:
    """Return the service and the file (empty: the same one) that `extends` names."""
    if isinstance(extends, Leaf):
        return text_of(extends.value), ""
    service, file = (
        (extends.get("service"), extends.get("file")) if isinstance(extends, Fields) else (None, None)
    )
    return _text(service), _text(file)


def _text(node: Node | None) -> str:
    return text_of(node.value) if isinstance(node, Leaf) else ""
