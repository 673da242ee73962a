"""Which programs an image contains: yes, no, or not known (None)."""

from __future__ import annotations

import re

from nexus.audit.facts.images import ImageName, parse_image
from nexus.audit.readers.dockerfile import Dockerfile, Stage
from nexus.audit.readers.shell import split_words, statements

PROBES = frozenset(
    "curl wget nc ncat netcat bash pg_isready psql redis-cli valkey-cli mysqladmin mysql mariadb-admin mongo"
    " mongosh node python python3 php ruby java".split()
)

_FULL = frozenset("node python ruby golang rust openjdk perl gcc buildpack-deps".split())
"""Official images whose plain tags stand on buildpack-deps, which has curl and wget."""

_BARE_DEBIAN = frozenset("debian ubuntu postgres redis haproxy rabbitmq mongo bun".split())
"""Images on plain Debian or Ubuntu without curl, wget and nc."""

_HAS = {
    "postgres": {"pg_isready", "psql"},
    "redis": {"redis-cli"},
    "valkey": {"valkey-cli", "redis-cli"},
    "node": {"node"},
    "python": {"python", "python3"},
    "php": {"php", "curl"},
    "ruby": {"ruby"},
    "elasticsearch": {"curl"},
    "kibana": {"curl"},
    "grafana": {"curl", "wget"},
}
_LACKS = {
    "caddy": {"curl", "bash"},
    "traefik": {"curl", "bash"},
    "prometheus": {"curl", "bash"},
    "keycloak": {"curl", "wget", "nc"},
    "aspnet": {"curl", "wget", "nc"},
    "runtime": {"curl", "wget", "nc"},
}
_ALPINE_LACKS = frozenset("curl bash python python3 node php ruby java".split())
_NOT_IN_DEBIAN = frozenset("curl wget nc ncat netcat".split())
_INSTALL = re.compile(r"\b(apt-get|apt|apk|yum|dnf|microdnf|zypper)\b.*?\b(install|add)\b(.*)", re.DOTALL)
_PACKAGES = {
    "nc": {"netcat", "netcat-openbsd", "netcat-traditional", "nmap-ncat", "busybox-extras", "busybox"},
    "pg_isready": {"postgresql-client", "postgresql", "libpq"},
    "psql": {"postgresql-client", "postgresql", "libpq"},
    "redis-cli": {"redis-tools", "redis"},
    "python3": {"python", "python3-minimal"},
    "wget": {"busybox"},
}


def image_has(reference: str, tool: str) -> bool | None:
    """Tell whether an image, as published, contains a program."""
    image = parse_image(reference)
    if image.repository == "scratch":
        return False
    if "distroless" in image.repository:
        return False if tool not in {"node", "python", "python3", "java"} else None
    if tool in _HAS.get(image.name, ()):
        return True
    if tool in _LACKS.get(image.name, ()) and "alpine" not in image.tag:
        return False
    if (changed := _renamed(image, tool)) is not None:
        return changed
    if "alpine" in image.tag or image.name == "alpine":
        return _alpine_has(image, tool)
    if image.name == "nginx" and image.official:
        return {"curl": True, "wget": False, "nc": False}.get(tool)
    if not image.official and image.name not in {"bun", "valkey"}:
        return None
    if tool in _NOT_IN_DEBIAN:
        if "slim" in image.tag or image.name in _BARE_DEBIAN:
            return False
        if image.name in _FULL and tool in {"curl", "wget"}:
            return True
    return None


def _renamed(image: ImageName, tool: str) -> bool | None:
    """Clients that left their image: `mongo` from 6 on, `mysql*` from MariaDB 11 on."""
    if image.major is None or not image.official:
        return None
    if image.name == "mongo" and tool in {"mongo", "mongosh"}:
        return image.major < 6 if tool == "mongo" else image.major >= 5
    if image.name == "mariadb" and tool in {"mysql", "mysqladmin"}:
        return image.major < 11
    if image.name == "mysql" and tool in {"mysql", "mysqladmin"}:
        return True
    return None


def _alpine_has(image: ImageName, tool: str) -> bool | None:
    if tool in {"wget", "nc"}:
        return True
    if image.name == "nginx" and tool == "curl":
        return "slim" not in image.tag
    if not image.official or (tool == "bash" and image.name == "postgres"):
        return None
    return False if tool in _ALPINE_LACKS else None


def stage_has(dockerfile: Dockerfile, stage: Stage, tool: str) -> bool | None:
    """Tell whether a stage's image contains a program: what it installs or copies counts first."""
    unsure = False
    for each in dockerfile.lineage(stage):
        for run in each.all("RUN"):
            if _installs(run.shell, tool):
                return True
            unsure = unsure or bool(re.search(r"\$\{?\w+|\.sh\b|xargs|-r\s+\S+", _install_part(run.shell)))
        for copy in each.all("COPY", "ADD"):
            target = copy.rest.split()[-1] if copy.rest.split() else ""
            if target.rpartition("/")[2] == tool or re.search(rf"/{re.escape(tool)}\s", copy.rest):
                return True
            if copy.flags.get("from") and re.search(r"\s/(usr/(local/)?)?(s?bin/?)?$", " " + target):
                unsure = True
    known = image_has(dockerfile.base(stage), tool)
    return None if unsure and known is False else known


def _install_part(text: str) -> str:
    match = _INSTALL.search(text)
    return match.group(3).split("&&")[0] if match else ""


def _installs(text: str, tool: str) -> bool:
    wanted = {tool} | _PACKAGES.get(tool, set())
    for statement in statements(text):
        for command in statement.commands:
            if match := _INSTALL.search(command.text):
                names = {re.split(r"[=<>~@]", word)[0] for word in split_words(match.group(3))}
                bases = {re.sub(r"[-\d.]+$", "", name) for name in names}
                if wanted & (names | bases):
                    return True
    return bool(re.search(rf"\bbusybox\b.*--install|ln -s\S* \S+ \S*/{re.escape(tool)}\b", text))
