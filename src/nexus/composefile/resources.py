"""The networks, volumes, secrets and configs of a project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nexus.composefile.model import FileSource, Network, Volume
from nexus.composefile.nodes import Fields, Leaf
from nexus.composefile.picking import Picker


def networks(project: str, pick: Picker) -> dict[str, Network]:
    """Return the networks; one named `default` is always there."""
    found = {
        name: Network(
            name,
            _full_name(project, name, each),
            each.fields.at,
            _external(each),
            each.flag("internal"),
            each.text("driver"),
        )
        for name, each in _entries(pick, "networks")
    }
    found.setdefault("default", Network("default", f"{project}_default", pick.fields.at))
    return found


def volumes(project: str, pick: Picker) -> dict[str, Volume]:
    """Return the named volumes."""
    return {
        name: Volume(
            name,
            _full_name(project, name, each),
            each.fields.at,
            _external(each),
            each.text("driver"),
            each.text_map("driver_opts"),
        )
        for name, each in _entries(pick, "volumes")
    }


def file_sources(project: str, section: str, pick: Picker) -> dict[str, FileSource]:
    """Return the secrets or the configs."""
    found = {}
    for name, each in _entries(pick, section):
        ways = [key for key in ("file", "environment", "content", "external") if key in each.fields.entries]
        if not ways:
            mend = "add `file:`, `environment:` or `external: true`"
            each.scope.fault(each.fields, each.where, "comes from nowhere", mend)
        file = each.maybe_text("file")
        found[name] = FileSource(
            name=name,
            full_name=_full_name(project, name, each),
            at=each.fields.at,
            file=Path(file) if file else None,
            environment=each.text("environment"),
            content=each.maybe_text("content"),
            external=_external(each),
        )
    return found


def _entries(pick: Picker, section: str) -> Iterator[tuple[str, Picker]]:
    node = pick.node(section)
    for name, child in node.entries.items() if isinstance(node, Fields) else ():
        fields = child if isinstance(child, Fields) else Fields({}, child.at)
        yield name, Picker(fields, pick.scope, f"{section}.{name}")


def _external(pick: Picker) -> bool:
    return isinstance(pick.node("external"), Fields) or (
        isinstance(pick.node("external"), Leaf) and pick.flag("external")
    )


def _full_name(project: str, name: str, pick: Picker) -> str:
    external = pick.inner("external")
    named = pick.text("name") or (external.text("name") if external else "")
    return named or (name if _external(pick) else f"{project}_{name}")
