"""Short forms of mounts and devices -> long forms: `./data:/data:ro`, `files:/srv`, `/dev/ttyS0`."""

from __future__ import annotations

from dataclasses import replace

from nexus.composefile.nodes import Fields, Items, Leaf, Node, text_of
from nexus.composefile.scope import Scope


def long_mounts(node: Node, scope: Scope, where: str) -> Node:
    """Return `volumes` of a service with every mount written out, sources of binds absolute."""
    found: list[Node] = []
    for index, item in enumerate(node.items if isinstance(node, Items) else ()):
        if isinstance(item, Fields):
            found.append(_with_path(item, scope))
        elif isinstance(item, Leaf):
            mount = _short(item, text_of(item.value), scope, f"{where}.{index}")
            if mount is not None:
                found.append(mount)
    return Items(tuple(found), node.at)


def long_devices(node: Node, scope: Scope, where: str) -> Node:
    """Return `devices` with source, target and permissions."""
    found: list[Node] = []
    for item in node.items if isinstance(node, Items) else ():
        if isinstance(item, Leaf):
            source, _, rest = text_of(item.value).partition(":")
            target, _, permissions = rest.partition(":")
            fields = {"source": source, "target": target or source, "permissions": permissions or "rwm"}
            item = Fields({key: Leaf(value, item.at) for key, value in fields.items()}, item.at)
        found.append(item)
    return Items(tuple(found), node.at)


def bound_volume(volume: Fields, scope: Scope) -> Fields:
    """Return a named volume with the path of the folder it binds (`driver: local`, `o: bind`) absolute."""
    options = volume.get("driver_opts")
    if not isinstance(options, Fields) or _text(volume, "driver") != "local" or _text(options, "o") != "bind":
        return volume
    device = options.get("device")
    if not isinstance(device, Leaf):
        return volume
    entries = {**options.entries, "device": _absolute(device, scope)}
    return replace(volume, entries={**volume.entries, "driver_opts": replace(options, entries=entries)})


def _text(fields: Fields, key: str) -> str:
    node = fields.get(key)
    return text_of(node.value) if isinstance(node, Leaf) else ""


def _with_path(mount: Fields, scope: Scope) -> Fields:
    source = mount.get("source")
    if _text(mount, "type") == "bind" and isinstance(source, Leaf):
        return replace(mount, entries={**mount.entries, "source": _absolute(source, scope)})
    return mount


def _absolute(source: Leaf, scope: Scope) -> Leaf:
    return replace(source, value=scope.path(text_of(source.value)))


def _short(item: Leaf, text: str, scope: Scope, where: str) -> Fields | None:
    parts = _parts(text)
    if not all(parts) or len(parts) > 3:
        scope.fault(item, where, f"{text!r} is no mount", "write it like ./data:/data or name:/data:ro")
        return None
    if len(parts) == 1:
        return Fields(
            {
                "type": Leaf("volume", item.at),
                "target": Leaf(parts[0], item.at),
                "volume": Fields({}, item.at),
            },
            item.at,
        )
    flags = parts[2].split(",") if len(parts) == 3 else []
    bind = parts[0].startswith((".", "/", "~")) or _is_drive(parts[0])
    fields: dict[str, Node] = {
        "type": Leaf("bind" if bind else "volume", item.at),
        "source": Leaf(scope.path(parts[0]) if bind else parts[0], item.at),
        "target": Leaf(parts[1], item.at),
    }
    if "ro" in flags:
        fields["read_only"] = Leaf(True, item.at)
    inner: dict[str, Node] = {}
    if bind:
        inner["create_host_path"] = Leaf(True, item.at)
        for flag in flags:
            if flag in ("z", "Z"):
                inner["selinux"] = Leaf(flag, item.at)
            elif flag.endswith(("private", "shared", "slave")):
                inner["propagation"] = Leaf(flag, item.at)
    elif "nocopy" in flags:
        inner["nocopy"] = Leaf(True, item.at)
    fields["bind" if bind else "volume"] = Fields(inner, item.at)
    return Fields(fields, item.at)


def _parts(text: str) -> list[str]:
    """Split at colons, but not after a drive's letter."""
    parts = text.split(":")
    if len(parts) > 1 and len(parts[0]) == 1 and parts[0].isalpha() and parts[1].startswith(("\\", "/")):
        return [f"{parts[0]}:{parts[1]}", *parts[2:]]
    return parts


def _is_drive(source: str) -> bool:
    return len(source) > 1 and source[1] == ":"
