"""One file over another, and a service over the one it extends: by the rules of the Compose Specification."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace

from nexus.composefile.nodes import Fields, Items, Leaf, Node, text_of

Trail = tuple[str, ...]

_REPLACED = ("services.*.command", "services.*.entrypoint", "services.*.healthcheck.test")
_OPEN = ("services.*.environment.*", "services.*.build.args.*", "services.*.labels.*")


def merge(base: Node | None, over: Node, path: Trail = ()) -> Node | None:
    """Return `over` laid over `base`; None when it is reset."""
    if over.mark == "reset":
        return None
    if base is None or over.mark == "override":
        return _unmarked(over, path)
    if _among(path, _REPLACED):
        return over
    if isinstance(over, Leaf) and over.value is None:
        return over if _among(path, _OPEN) else base
    if path[2:] == ("logging",) and _driver(base) and _driver(over) and _driver(base) != _driver(over):
        return over
    if isinstance(base, Fields) and isinstance(over, Fields):
        return _merged_fields(base, over, path)
    if isinstance(base, Items) and isinstance(over, Items):
        return _unique(replace(over, items=(*base.items, *over.items)), path)
    return over


def _merged_fields(base: Fields, over: Fields, path: Trail) -> Fields:
    entries = dict(base.entries)
    for key, child in over.entries.items():
        merged = merge(entries.get(key), child, (*path, key))
        if merged is None:
            entries.pop(key, None)
        else:
            entries[key] = merged
    return Fields(entries, base.at if base.entries else over.at)


def _unmarked(node: Node, path: Trail) -> Node:
    """Return a node that lies over nothing: without marks, without what is reset, without doubles."""
    if isinstance(node, Fields):
        return _merged_fields(Fields({}, node.at), replace(node, mark=""), path)
    if isinstance(node, Items):
        kept = tuple(_unmarked(each, (*path, "[]")) for each in node.items if each.mark != "reset")
        return _unique(Items(kept, node.at), path)
    return replace(node, mark="")


def _driver(node: Node) -> str:
    driver = node.get("driver") if isinstance(node, Fields) else None
    return text_of(driver.value) if isinstance(driver, Leaf) else ""


def _unique(node: Items, path: Trail) -> Items:
    """Drop earlier items that later ones replace; the place in the list stays."""
    key = next((key for patterns, key in _KEYS if _among(path, patterns)), None)
    if key is None:
        return node
    found: dict[Hashable, Node] = {}
    for item in node.items:
        found[key(item)] = item
    return replace(node, items=tuple(found.values()))


def _among(path: Trail, patterns: tuple[str, ...]) -> bool:
    return any(_fits(path, pattern.split(".")) for pattern in patterns)


def _fits(path: Trail, pattern: list[str]) -> bool:
    return len(path) == len(pattern) and all(p in ("*", key) for p, key in zip(pattern, path, strict=True))


def _by(*names: str) -> Callable[[Node], Hashable]:
    def key(node: Node) -> Hashable:
        values = (node.get(name) for name in names) if isinstance(node, Fields) else ()
        return tuple(text_of(each.value) if isinstance(each, Leaf) else "" for each in values)

    return key


def _itself(node: Node) -> Hashable:
    return text_of(node.value) if isinstance(node, Leaf) else id(node)


def _config_target(node: Node) -> Hashable:
    target, source = _by("target")(node), _by("source")(node)
    return target if target != ("",) else ("/", source)


_KEYS: tuple[tuple[tuple[str, ...], Callable[[Node], Hashable]], ...] = (
    (("services.*.ports",), _by("host_ip", "published", "target", "protocol")),
    (("services.*.volumes", "services.*.devices", "services.*.secrets"), _by("target")),
    (("services.*.configs",), _config_target),
    (("services.*.env_file",), _by("path")),
    (
        (
            *(
                f"services.*.{name}"
                for name in "cap_add cap_drop dns dns_opt dns_search expose links tmpfs profiles".split()
            ),
            "services.*.extra_hosts.*",
            "services.*.networks.*.aliases",
            "services.*.networks.*.link_local_ips",
            "services.*.build.tags",
            "services.*.build.platforms",
        ),
        _itself,
    ),
)
