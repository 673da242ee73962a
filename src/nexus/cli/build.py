"""`nexus build`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nexus.cli import place
from nexus.cli.language import t

if TYPE_CHECKING:
    from nexus.images.building import Built
    from nexus.images.planning import Planned
    from nexus.runtimes.containers.engine import Engine, EngineError
    from nexus.stack import Service, Stack

Modules = Annotated[list[str] | None, typer.Argument(help="The bricks to build; all that have an image.")]
Push = Annotated[bool, typer.Option("--push", help="Send the images to the registry.")]
Registry = Annotated[str, typer.Option("--registry", help="HOST[:PORT] that the images' names begin with.")]
Certificates = Annotated[
    Path | None, typer.Option("--ca", help="More certificates that builds trust (PEM); kept out of images.")
]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Print what would be built and why, and stop.")]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]


def build(
    modules: Modules = None,
    push: Push = False,
    registry: Registry = "",
    ca: Certificates = None,
    plan: PlanOnly = False,
    as_json: Json = False,
) -> None:
    """Build the images of what changed; exit code 1 when one cannot be built."""
    from nexus.images.sources import place_dockerfiles
    from nexus.runtimes.containers.engine import Engine, EngineError
    from nexus.stack import load_stack

    stack = load_stack(place.root())
    if not plan:
        placed = [each for each in place_dockerfiles(stack) if each.state == "written"]
        if placed:
            stack = load_stack(place.root())
        if not as_json:
            for each in placed:
                typer.echo(t("written: {path}", path=each.path))
    services = _chosen(stack, modules or [])
    try:
        code = asyncio.run(_run(Engine(), stack, services, registry, push, ca, plan, as_json))
    except EngineError as error:
        raise place.stop(str(error), 2) from error
    except KeyboardInterrupt:
        raise place.stop(t("interrupted; the same command goes on"), 130) from None
    raise typer.Exit(code)


def _chosen(stack: Stack, names: list[str]) -> tuple[Service, ...]:
    from nexus.images.sources import bricks, is_buildable

    known = {service.name: service for service in bricks(stack)}
    if not names:
        return tuple(known.values())
    try:
        chosen = tuple(known.get(name) or stack.service(name) for name in dict.fromkeys(names))
    except KeyError as error:
        raise place.stop(str(error.args[0]), 2) from error
    for service in chosen:
        if not is_buildable(service):
            raise place.stop(
                t("{name} has no image of its own; it runs an official one", name=service.name), 2
            )
    return chosen


async def _run(
    engine: Engine,
    stack: Stack,
    services: tuple[Service, ...],
    registry: str,
    push: bool,
    ca: Path | None,
    plan_only: bool,
    as_json: bool,
) -> int:
    from nexus.images.building import build_all, check
    from nexus.images.planning import plan

    if not plan_only:
        check(stack, services, registry, push, ca)
    planned = {each.service.name: each for each in await plan(engine, stack, services, registry, push)}
    if plan_only:
        rows = [_row(each) for each in planned.values()]
        typer.echo(_json(rows) if as_json else "\n".join(map(_sentence, planned.values())))
        return 0

    def ended(service: Service, end: Built | EngineError) -> None:
        if not as_json:
            _tell(planned[service.name], end)

    ends = await build_all(engine, stack, services, registry, push, ca, ended)
    bills = await _bills(engine, ends)
    if as_json:
        rows = [_row(p, end, bills) for p, end in zip(planned.values(), ends, strict=True)]
        typer.echo(_json(rows))
    return int(any(isinstance(end, Exception) for end in ends))


async def _bills(engine: Engine, ends: tuple[Built | EngineError, ...]) -> dict[str, str]:
    """Keeps a bill of materials of each image that the engine holds."""
    from nexus.images.sbom import keep_sbom, sbom_file
    from nexus.runtimes.home import Home

    home = Home.at(place.home_path())

    async def bill(end: Built) -> tuple[str, str]:
        file = sbom_file(home, end.service, end.reference)
        if not file.exists():
            await keep_sbom(engine, home, end.service, end.reference)
        return end.service, str(file)

    return dict(await asyncio.gather(*(bill(e) for e in ends if not isinstance(e, Exception) and e.size)))


def _sentence(planned: Planned) -> str:
    return f"{planned.service.name}: {_why(planned)}"


def _why(planned: Planned) -> str:
    if planned.present:
        return t("{image} is there", image=planned.reference)
    if planned.changed:
        return t("build {image}: changed: {parts}", image=planned.reference, parts=", ".join(planned.changed))
    return t("build {image}: no image is known", image=planned.reference)


def _tell(planned: Planned, end: Built | EngineError) -> None:
    if isinstance(end, Exception):
        typer.echo(t("nexus: {message}", message=end), err=True)
    elif end.state == "present":
        typer.echo(_sentence(planned))
    else:
        values = {"seconds": end.seconds, "size": end.size / 1e6}
        typer.echo(f"{_sentence(planned)} ({t('{seconds:.1f} s, {size:.1f} MB', **values)})")


def _row(
    planned: Planned, end: Built | EngineError | None = None, bills: dict[str, str] | None = None
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "service": planned.service.name,
        "image": str(planned.reference),
        "state": "present" if planned.present else "absent",
        "changed": list(planned.changed),
    }
    if isinstance(end, Exception):
        return {**row, "state": "failed", "error": str(end)}
    if end is not None:
        row |= {"state": end.state, "seconds": round(end.seconds, 3), "size": end.size}
        row["sbom"] = (bills or {}).get(planned.service.name)
    return row


def _json(rows: list[Any]) -> str:
    return json.dumps({"images": rows}, ensure_ascii=False, indent=2)
