"""Stack + facts -> nginx.conf: the edge that users reach, passing to the services its manifest names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus.render.gateway import longest_request
from nexus.render.templating import RenderError, plain, templates
from nexus.stack import Fault, ManifestError, Service, Stack
from nexus.stack.units import parse_size

SHUTDOWN_RESERVE = 5  # seconds


@dataclass(frozen=True)
class NginxFacts:
    """Where things are on this machine.

    `listen` is an `address:port`, `addresses` the stable `host:port` of each service that is on. `run_dir`
    takes the pid and temporary files and must be writable by nginx. `user` is set only when nginx starts as
    root: its workers become that user. With `resolver` (a name server) the names in `addresses` are asked
    anew while it runs, because what stands behind them moves.
    """

    listen: str
    addresses: Mapping[str, str]
    run_dir: Path
    access_log: str = "/dev/stdout"
    user: str | None = None
    resolver: str = ""
    workers: int = 1


def nginx_config(stack: Stack, facts: NginxFacts) -> str:
    """Return nginx.conf. Start it with `nginx -p RUN_DIR -c FILE`; it stays in the foreground.

    Pure: equal values give equal text. Raises RenderError when a fact cannot be written down or the stack has
    no edge run by nginx, ManifestError when the edge's settings are wrong.
    """
    edges = [service for service in stack.of_kind("edge") if service.runtime == "nginx"]
    if len(edges) != 1:
        raise RenderError(f"{len(edges)} services are an edge run by nginx; declare exactly one")
    edge = edges[0]
    used = {name: facts.addresses[name] for name in edge.upstreams.values() if name in facts.addresses}
    return (
        templates()
        .get_template("nginx.conf.j2")
        .render(
            stack=stack,
            edge=edge,
            listen=plain("listen", facts.listen),
            upstreams={name: plain("address", address) for name, address in sorted(used.items())},
            locations=[_location(path, name, used) for path, name in sorted(edge.upstreams.items())],
            run_dir=plain("run_dir", facts.run_dir),
            access_log=plain("access_log", facts.access_log),
            user=plain("user", facts.user) if facts.user else None,
            workers=facts.workers,
            shutdown=longest_request(stack) + SHUTDOWN_RESERVE,
            resolver=plain("resolver", facts.resolver) if facts.resolver else None,
            body_limit=_body_limit(edge),
            health=edge.health.ready or "/edge/health",
            pages=_pages(stack),
        )
    )


def _location(path: str, name: str, used: Mapping[str, str]) -> dict[str, Any]:
    return {"path": path, "name": name, "on": name in used, "machine": path != "/"}


def _body_limit(edge: Service) -> int:
    try:
        return parse_size(edge.env.get("BODY_LIMIT", "2M"))
    except ValueError as error:
        raise ManifestError([Fault(edge.manifest, 0, "env.BODY_LIMIT", str(error), "use 2M")]) from error


def _pages(stack: Stack) -> dict[str, str]:
    """Return what people see while the web application is away: one page in each language."""
    template = templates().get_template("away.html.j2")
    pages = {}
    for language in ("pt-BR", "en"):
        title = stack.title.get(language) or next(iter(stack.title.values()), stack.name)
        page = re.sub(r">\s+<", "><", template.render(language=language, title=_for_html(title))).strip()
        if len(page.encode()) > 3900:
            raise RenderError("the page for an absent application is longer than nginx can hold in one line")
        pages[language] = page
    return pages


def _for_html(text: str) -> str:
    """Escape a title for HTML inside a quoted nginx string, where `$` and `'` have a meaning."""
    return "".join(c if c.isalnum() or c in " .-" else f"&#{ord(c)};" for c in text)
