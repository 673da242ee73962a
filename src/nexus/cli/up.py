"""`nexus up`."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from nexus.cli import place
from nexus.cli.language import t

Offset = Annotated[
    int | None, typer.Option("--port-offset", help="Move all ports by N; remembered until the stack is down.")
]
Only = Annotated[
    str | None,
    typer.Option("--only", help="Run only these modules (a,b,c), remembered; `all` runs all again."),
]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Print what would be done, and stop.")]
Runtime = Annotated[
    str | None, typer.Option("--runtime", help="Where it runs: process, compose or swarm; remembered.")
]
Registry = Annotated[
    str | None, typer.Option("--registry", help="Where a Swarm's nodes fetch images: HOST:PORT; remembered.")
]
Forward = Annotated[
    str | None,
    typer.Option("--otlp-endpoint", help="Send all signals there too (OTLP/HTTP); remembered; `off` stops."),
]
Demo = Annotated[bool, typer.Option("--demo", help="Afterwards run the stack's task `demo`.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of the demonstration's data.")]


def up(
    runtime: Runtime = None,
    registry: Registry = None,
    port_offset: Offset = None,
    only: Only = None,
    otlp_endpoint: Forward = None,
    plan: PlanOnly = False,
    demo: Demo = False,
    seed: Seed = None,
) -> None:
    """Bring the stack up: start what is missing, in the order of its dependencies."""
    from nexus.cli import operation, tasks
    from nexus.control.client import Client
    from nexus.control.keeper import RUNTIMES
    from nexus.runtimes.home import Home

    home = Home.at(place.home_path())
    chosen = None if only is None else [name.strip() for name in only.split(",") if name.strip()]
    if runtime is not None and runtime not in RUNTIMES:
        raise place.stop(
            t("no runtime {name!r}; there are: {known}", name=runtime, known=", ".join(RUNTIMES)), 2
        )
    if otlp_endpoint not in (None, "off") and not re.match(r"https?://[^/\s]+", otlp_endpoint):
        raise place.stop(
            t("--otlp-endpoint {url!r} is no address; write http://HOST:4318 or off", url=otlp_endpoint), 2
        )
    body = {
        "runtime": runtime,
        "registry": registry,
        "root": str(place.root()),
        "who": place.who(),
        "offset": port_offset,
        "only": chosen,
        "forward": "" if otlp_endpoint == "off" else otlp_endpoint,
        "plan_only": plan,
    }
    if plan and not Client(home).alive():
        raise typer.Exit(operation.show_plan_offline(home, body))
    client = operation.control(home)
    code = operation.follow(client, "/v1/up", body, table=True)
    if code == 0 and demo and not plan:
        code = tasks.run_in_child("demo", ["--seed", str(seed)] if seed is not None else [])
    raise typer.Exit(code)
