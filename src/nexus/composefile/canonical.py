"""Short forms of a service's keys -> long forms, so that merging and building meet one form only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from nexus.composefile import mounts
from nexus.composefile.nodes import Fields, Items, Leaf, Node, text_of
from nexus.composefile.ports import parse_port
from nexus.composefile.scope import Scope
from nexus.composefile.words import split_words

Change = Callable[[Node, Scope, str], Node]


def canonical_service(service: Fields, scope: Scope, where: str) -> Fields:
    """Return the service in long form, its paths absolute."""
    return _changed(service, _SERVICE, scope, where)


def canonical_resource(section: str, node: Node, scope: Scope, where: str) -> Node:
    """Return an entry of `secrets`, `configs`, `volumes` or `networks` in long form."""
    if not isinstance(node, Fields):
        return node
    changes = {"labels": pairs, **({"file": _path} if section in ("secrets", "configs") else {})}
    if section == "volumes":
        node = mounts.bound_volume(node, scope)
    return _changed(node, changes, scope, where)


def _changed(node: Fields, changes: Mapping[str, Change], scope: Scope, where: str) -> Fields:
    entries = {
        key: replace(changes[key](child, scope, f"{where}.{key}"), at=child.at, mark=child.mark)
        if key in changes and child.mark != "reset"
        else child
        for key, child in node.entries.items()
    }
    return replace(node, entries=entries)


def pairs(node: Node, scope: Scope, where: str) -> Node:
    """Return `[A=1, B]` as a mapping; B has no value."""
    if not isinstance(node, Items):
        return node
    entries: dict[str, Node] = {}
    for item in node.items:
        text, raw = (text_of(item.value), item.raw) if isinstance(item, Leaf) else ("", "")
        key, equals, value = text.partition("=")
        entries[key] = Leaf(value if equals else None, item.at, raw.partition("=")[2])
    return Fields(entries, node.at)


def _hosts(node: Node, scope: Scope, where: str) -> Node:
    found: dict[str, Items] = {}

    def add(host: str, address: Node) -> None:
        known = found[host].items if host in found else ()
        found[host] = Items((*known, address), address.at)

    if isinstance(node, Items):
        for item in node.items:
            text = text_of(item.value) if isinstance(item, Leaf) else ""
            host, sign, address = text.partition("=") if "=" in text else text.partition(":")
            if not sign:
                scope.fault(item, where, f"{text!r} is no host with an address", "write it like db=10.0.0.5")
            add(host, Leaf(address.strip("[]"), item.at))
    elif isinstance(node, Fields):
        for host, child in node.entries.items():
            for each in child.items if isinstance(child, Items) else (child,):
                add(host, each)
    return Fields(dict(found), node.at)


def _names(default: dict[str, str | bool]) -> Change:
    """Return a change from a list of names to a mapping; each name gets the default fields, or nothing."""

    def change(node: Node, scope: Scope, where: str) -> Node:
        if not isinstance(node, Items):
            return node
        entries: dict[str, Node] = {}
        for item in node.items:
            fields: dict[str, Node] = {key: Leaf(value, item.at) for key, value in default.items()}
            name = text_of(item.value) if isinstance(item, Leaf) else ""
            entries[name] = Fields(fields, item.at) if default else Leaf(None, item.at)
        return Fields(entries, node.at)

    return change


def _command(node: Node, scope: Scope, where: str) -> Node:
    if not isinstance(node, Leaf) or node.value is None:
        return node
    try:
        words = split_words(text_of(node.value))
    except ValueError as error:
        scope.fault(node, where, str(error), "quote it, or write a list of words")
        return node
    return Items(tuple(Leaf(word, node.at) for word in words), node.at)


def _test(node: Node, scope: Scope, where: str) -> Node:
    if not isinstance(node, Leaf):
        return node
    return Items((Leaf("CMD-SHELL", node.at), node), node.at)


def listed(node: Node, scope: Scope, where: str) -> Node:
    """Return a single value as a list of one."""
    return Items((node,), node.at) if isinstance(node, Leaf) else node


def _ports(node: Node, scope: Scope, where: str) -> Node:
    found: list[Node] = []
    for index, item in enumerate(node.items if isinstance(node, Items) else ()):
        if isinstance(item, Fields):
            mode = {"mode": Leaf("ingress", item.at), "protocol": Leaf("tcp", item.at)}
            found.append(replace(item, entries={**mode, **item.entries}))
            continue
        try:
            short = parse_port(text_of(item.value) if isinstance(item, Leaf) else "")
        except ValueError as error:
            what, _, mend = str(error).rpartition("; ")
            scope.fault(item, f"{where}.{index}", what, mend)
            continue
        for port in short:
            fields: dict[str, Node] = {
                "mode": Leaf("ingress", item.at),
                "target": Leaf(port.target, item.at),
                "protocol": Leaf(port.protocol, item.at),
            }
            if port.host_ip:
                fields["host_ip"] = Leaf(port.host_ip, item.at)
            if port.published:
                fields["published"] = Leaf(port.published, item.at)
            found.append(Fields(fields, item.at))
    return Items(tuple(found), node.at)


def _grants(folder: str) -> Change:
    def change(node: Node, scope: Scope, where: str) -> Node:
        found = []
        for item in node.items if isinstance(node, Items) else ():
            fields = dict(item.entries) if isinstance(item, Fields) else {"source": item}
            source = fields.get("source")
            if folder and isinstance(source, Leaf):
                fields.setdefault("target", Leaf(f"{folder}/{text_of(source.value)}", item.at))
            found.append(Fields(fields, item.at))
        return Items(tuple(found), node.at)

    return change


def _build(node: Node, scope: Scope, where: str) -> Node:
    fields = node.entries if isinstance(node, Fields) else {"context": node}
    context = fields.get("context")
    changes: dict[str, Change] = {
        **dict.fromkeys(("args", "labels", "additional_contexts"), pairs),
        "context": _context,
        "extra_hosts": _hosts,
    }
    made = Fields({**fields, "context": context} if context is not None else fields, node.at)
    return _changed(made, changes, scope, where)


def _context(node: Node, scope: Scope, where: str) -> Node:
    text = text_of(node.value) if isinstance(node, Leaf) else ""
    remote = "://" in text or text.startswith(("git@", "github.com/"))
    return node if remote else _path(node, scope, where)


def _path(node: Node, scope: Scope, where: str) -> Node:
    return replace(node, value=scope.path(text_of(node.value))) if isinstance(node, Leaf) else node


def _env_files(node: Node, scope: Scope, where: str) -> Node:
    found = []
    for item in node.items if isinstance(node, Items) else (node,):
        fields = dict(item.entries) if isinstance(item, Fields) else {"path": item}
        found.append(Fields({**fields, "path": _path(fields["path"], scope, where)}, item.at))
    return Items(tuple(found), node.at)


def _label_files(node: Node, scope: Scope, where: str) -> Node:
    files = node.items if isinstance(node, Items) else (node,)
    return Items(tuple(_path(each, scope, where) for each in files), node.at)


def _deploy(node: Node, scope: Scope, where: str) -> Node:
    return _changed(node, {"labels": pairs}, scope, where) if isinstance(node, Fields) else node


def _healthcheck(node: Node, scope: Scope, where: str) -> Node:
    return _changed(node, {"test": _test}, scope, where) if isinstance(node, Fields) else node


_SERVICE: dict[str, Change] = {
    **dict.fromkeys(("environment", "labels", "annotations", "sysctls"), pairs),
    **dict.fromkeys(("command", "entrypoint"), _command),
    **dict.fromkeys(("dns", "dns_search", "tmpfs"), listed),
    "extra_hosts": _hosts,
    "depends_on": _names({"condition": "service_started", "required": True}),
    "networks": _names({}),
    "healthcheck": _healthcheck,
    "ports": _ports,
    "volumes": mounts.long_mounts,
    "devices": mounts.long_devices,
    "secrets": _grants("/run/secrets"),
    "configs": _grants(""),
    "build": _build,
    "env_file": _env_files,
    "label_file": _label_files,
    "deploy": _deploy,
}
