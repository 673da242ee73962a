"""nginx configurations: which paths they pass to which host."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crossplane  # type: ignore[import-untyped]

from nexus.composefile import ComposeService, Place, Project

_PASS = re.compile(r"https?://(?P<host>\$?[A-Za-z0-9_][\w.-]*|\$\w+)(?::(?P<port>\d+|\$\w+))?(?P<uri>/.*)?")
_TARGETS = re.compile(r"^/etc/nginx/(nginx\.conf|conf\.d|templates|sites-enabled|http\.d)\b")
Directive = dict[str, Any]


@dataclass(frozen=True)
class Location:
    """A location that passes requests on. `strips`: the matched prefix is replaced by the URI it names."""

    modifier: str
    path: str
    host: str
    port: int | None
    strips: bool
    at: Place


@dataclass(frozen=True)
class NginxRoutes:
    """What the configurations of one nginx say."""

    locations: tuple[Location, ...]
    body_limit: tuple[str, Place] | None
    unreadable: tuple[tuple[Place, str], ...]


def read_nginx(service: ComposeService, project: Project) -> NginxRoutes | None:
    """Read the configurations that a service mounts or builds in; None when there is none."""
    files = list(dict.fromkeys(_files(service, project)))
    if not files:
        return None
    parsed, unreadable = [], []
    for file in files:
        config = crossplane.parse(
            str(file), single=True, catch_errors=True, check_ctx=False, check_args=False
        )["config"][0]
        for error in config["errors"]:
            line = int(error.get("line") or 0)
            unreadable.append((Place(file, line), re.sub(r" in \S+:\d+$", "", str(error["error"]))))
        parsed.append((file, config["parsed"]))
    upstreams = {name: host for _, tree in parsed for name, host in _upstreams(tree)}
    found = tuple(each for file, tree in parsed for each in _locations(tree, file, upstreams, {}))
    limits = [limit for file, tree in parsed for limit in _limits(tree, file)]
    return NginxRoutes(found, max(limits, key=lambda each: _bytes(each[0]), default=None), tuple(unreadable))


def _files(service: ComposeService, project: Project) -> Iterator[Path]:
    for mount in service.volumes:
        if mount.type == "bind" and (_TARGETS.match(mount.target) or mount.target == "/etc/nginx"):
            yield from _configurations(Path(mount.source))
    for grant in service.configs:
        source = project.configs[grant.source].file
        if source is not None and _TARGETS.match(grant.target):
            yield from _configurations(source)
    if service.build is not None and "://" not in service.build.context:
        folder = (Path(service.build.context) / service.build.dockerfile).parent
        for inner in (".", "nginx", "conf.d", "templates"):
            yield from _configurations(folder / inner)


def _configurations(path: Path) -> Iterator[Path]:
    if os.path.isfile(path):
        yield path
    elif os.path.isdir(path):
        folders = (path, *(path / inner for inner in ("conf.d", "templates", "sites-enabled")))
        for folder in folders:
            yield from sorted(
                each
                for each in folder.glob("*")
                if os.path.isfile(each) and each.suffix in (".conf", ".template")
            )


def _walk(tree: list[Directive]) -> Iterator[Directive]:
    for each in tree:
        yield each
        yield from _walk(each.get("block") or [])


def _upstreams(tree: list[Directive]) -> Iterator[tuple[str, tuple[str, int | None]]]:
    for each in _walk(tree):
        if each["directive"] == "upstream":
            for server in each.get("block") or []:
                if server["directive"] == "server" and server["args"]:
                    host, _, port = server["args"][0].partition(":")
                    yield each["args"][0], (host, int(port) if port.isdigit() else None)
                    break


def _locations(
    tree: list[Directive],
    file: Path,
    upstreams: Mapping[str, tuple[str, int | None]],
    outer: Mapping[str, str],
) -> Iterator[Location]:
    known = {
        **outer,
        **{e["args"][0]: e["args"][1] for e in tree if e["directive"] == "set" and len(e["args"]) == 2},
    }
    for each in tree:
        inner = each.get("block") or []
        if each["directive"] == "location" and each["args"]:
            for child in inner:
                if child["directive"] == "proxy_pass" and child["args"]:
                    found = _location(each["args"], child, Place(file, each["line"]), upstreams, inner, known)
                    if found is not None:
                        yield found
        yield from _locations(inner, file, upstreams, known)


def _location(
    args: list[str],
    proxy_pass: Directive,
    at: Place,
    upstreams: Mapping[str, tuple[str, int | None]],
    inner: list[Directive],
    known: Mapping[str, str],
) -> Location | None:
    known = {
        **known,
        **{e["args"][0]: e["args"][1] for e in inner if e["directive"] == "set" and len(e["args"]) == 2},
    }
    target = re.sub(r"\$\w+", lambda m: known.get(m[0], m[0]), proxy_pass["args"][0])
    match = _PASS.fullmatch(target)
    if match is None:
        return None
    port = int(match["port"]) if (match["port"] or "").isdigit() else None
    host, port = upstreams.get(match["host"], (match["host"], port))
    modifier, path = (args[0], args[1]) if len(args) > 1 else ("", args[0])
    strips = bool(match["uri"]) and match["uri"] != path
    return Location(modifier, path, host, port, strips, at)


def _limits(tree: list[Directive], file: Path) -> Iterator[tuple[str, Place]]:
    for each in _walk(tree):
        if each["directive"] == "client_max_body_size" and re.fullmatch(r"\d+[kKmMgG]?", each["args"][0]):
            yield each["args"][0].upper(), Place(file, each["line"])


def _bytes(text: str) -> float:
    number = int(text.rstrip("KMG"))
    return number * {"K": 1024, "M": 1024**2, "G": 1024**3}.get(text[-1], 1) or float("inf")
