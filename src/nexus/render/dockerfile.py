"""Stack → the Dockerfile of each brick, and beside it the list of files that its build may see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus.render.templating import RenderError, plain, templates
from nexus.stack import Service, Stack

MARK = "# Rendered by nexus"
USER = 10001
ROOT = "/opt/nexus"
PACKAGES = "/opt/packages"
STATE = "/var/lib/nexus"
BASES: Mapping[str, str] = {"python": "python:3.11-slim-bookworm", "node": "node:20-bookworm-slim"}
DOCKERFILE = "Dockerfile"
IGNORE = "Dockerfile.dockerignore"
KIT = "kit"
MODULES = "modules"  # the lock of what bricks depend on: modules.lock

# The same files that a release does not count: changing them changes no behaviour.
_REFUSED = tuple(
    f"**/{name}" for name in (".*", "__pycache__", "*.pyc", "*.pyo", "*.md", "tests", "node_modules", "dist")
)
_PROBE = f"{ROOT}/{KIT}/nexus_kit/probe.py"
_NODE_PROBE = f"{ROOT}/probe.js"
_ASK = (
    "import os,urllib.request as r;"
    "r.urlopen('http://127.0.0.1:'+os.environ['PORT']+os.environ['NEXUS_HEALTH_{}'],timeout=3)"
)


@dataclass(frozen=True)
class _Folder:
    """A folder of the stack that goes into the image, and the build stage that compiles it."""

    stage: str
    path: str
    target: str


def dockerfiles(stack: Stack) -> Mapping[Path, str]:
    """Return path (relative to the stack's root) → text, for each brick that is built from a language.

    Pure: equal values give equal text. Raises RenderError when a path or an image cannot be written down.
    """
    found: dict[Path, str] = {}
    for service in stack.services:
        if service.is_brick and service.runtime in BASES:
            render = _python if service.runtime == "python" else _node
            folder = Path(_relative(stack, service.folder))
            found[folder / DOCKERFILE], found[folder / IGNORE] = render(stack, service)
    return found


@dataclass(frozen=True)
class BaseImage:
    """What an image is built on."""

    repository: str
    tag: str


def base_image(image: str) -> BaseImage:
    """Return the parts of `repository:tag` or `repository@sha256:digest`.

    Raises RenderError when there is neither: such a base would change by itself.
    """
    repository, _, tag = plain("image", image).rpartition(":")
    if not repository or "/" in tag:
        raise RenderError(f"image {image!r} names no tag; write `repository:tag`, so that builds repeat")
    return BaseImage(repository, tag)


def probe(stack: Stack, service: Service, question: str = "ready") -> tuple[str, ...]:
    """Return the command that asks an instance, inside its container: `ready`, `startup` or `live`.

    `startup` asks for readiness until the first yes and for life from then on; a Python brick without the kit
    is asked for life alone.
    """
    if service.runtime == "node":
        return ("node", _NODE_PROBE, question)
    if any(path.name == KIT for path in service.shared):
        return ("python", "-I", "-S", _PROBE, question)
    return ("python", "-I", "-S", "-c", _ASK.format("READY" if question == "ready" else "LIVE"))


def _python(stack: Stack, service: Service) -> tuple[str, str]:
    shared = [path for path in service.shared if not path.suffix]
    folders = [_folder(stack, path, f"shared-{path.name}") for path in shared]
    folders.append(_folder(stack, service.folder, "brick"))
    locks = [_relative(stack, path) for path in service.shared if path.suffix == ".lock"]
    lock = next((path for path in locks if Path(path).stem == MODULES), None)
    text = _render(
        "python.Dockerfile.j2",
        stack,
        service,
        lock=lock,
        packages=PACKAGES,
        folders=folders,
        path=":".join([*(folder.target for folder in reversed(folders)), *([PACKAGES] if lock else [])]),
    )
    allowed = [*([lock] if lock else []), *(folder.path for folder in folders)]
    return text, _ignore(stack, service, allowed)


def _node(stack: Stack, service: Service) -> tuple[str, str]:
    brick = _folder(stack, service.folder, "brick")
    text = _render("node.Dockerfile.j2", stack, service, brick=brick, probe=_NODE_PROBE)
    return text, _ignore(stack, service, [brick.path], f"!{brick.path}/.npmrc")


def _render(template: str, stack: Stack, service: Service, **facts: Any) -> str:
    base = base_image(service.image or BASES[service.runtime])
    described = _describe(stack, service)
    return (
        templates()
        .get_template(template)
        .render(mark=_mark(stack, service), base=base, service=described, **facts)
    )


def _ignore(stack: Stack, service: Service, allowed: list[str], *more: str) -> str:
    folder = _relative(stack, service.folder)
    lines = [
        _mark(stack, service),
        "*",
        *(f"!{path}" for path in allowed),
        *_REFUSED,
        *(f"{path}/*/testing" for path in allowed if path == KIT),
        f"{folder}/{DOCKERFILE}*",
        *more,
    ]
    return "\n".join(lines) + "\n"


def _describe(stack: Stack, service: Service) -> dict[str, Any]:
    return {
        "name": service.name,
        "port": service.port,
        "target": f"{ROOT}/{_relative(stack, service.folder)}",
        "state": STATE,
        "user": USER,
        "live": service.health.live,
        "ready": service.health.ready,
        "probe": _exec_form(probe(stack, service)),
        "command": _exec_form(service.command),
        "labels": _labels(stack, service),
    }


def _labels(stack: Stack, service: Service) -> list[tuple[str, str]]:
    policy = stack.policies.get("images") or {}
    oci = "org.opencontainers.image"
    title = service.title.get("en") or next(iter(service.title.values()), service.name)
    known = [(f"{oci}.{name}", policy.get(name)) for name in ("source", "licenses")]
    return [
        ("nexus.stack", _quoted(stack.name)),
        ("nexus.service", _quoted(service.name)),
        (f"{oci}.title", _quoted(title)),
        *((name, _quoted(str(value))) for name, value in known if value),
        (f"{oci}.version", '"${RELEASE}"'),
        (f"{oci}.revision", '"${RELEASE}"'),
    ]


def _mark(stack: Stack, service: Service) -> str:
    manifest = _relative(stack, service.manifest)
    return f"{MARK} from {manifest}; without this line the file is yours and stays as it is."


def _folder(stack: Stack, path: Path, stage: str) -> _Folder:
    relative = _relative(stack, path)
    return _Folder(plain("stage", stage.lower()), relative, f"{ROOT}/{relative}")


def _relative(stack: Stack, path: Path) -> str:
    if not path.is_relative_to(stack.root):
        raise RenderError(f"{path} lies outside the stack's folder {stack.root}; no image can hold it")
    return plain("path", path.relative_to(stack.root).as_posix())


def _exec_form(command: tuple[str, ...]) -> str:
    return json.dumps(command, ensure_ascii=False)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("$", "\\$")
