"""`nexus deploy`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nexus.cli import place
from nexus.cli.language import t

Modules = Annotated[list[str] | None, typer.Argument(help="The modules to change over.")]
Version = Annotated[str, typer.Option("--version", help="A release by its version, or the new one's name.")]
Image = Annotated[str, typer.Option("--image", help="An image that was built elsewhere: REPOSITORY:TAG.")]
ReleaseId = Annotated[str, typer.Option("--release", help="A release by its id (4 characters are enough).")]
Ref = Annotated[str, typer.Option("--ref", help="What a branch, tag or commit of git holds.")]
Strategy = Annotated[
    str | None,
    typer.Option("--strategy", help="canary, rolling, blue-green or recreate.", show_default=False),
]
Steps = Annotated[str | None, typer.Option("--steps", help="Percentages of the requests, like 5,25,100.")]
Hold = Annotated[str | None, typer.Option("--hold", help="How long each step is judged at least, like 10s.")]
Bake = Annotated[str | None, typer.Option("--bake", help="How long it is watched afterwards, like 30s.")]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Print what would be done, and stop.")]
Force = Annotated[
    bool, typer.Option("--force", help="Although it breaks the contract with a module that runs.")
]
Override = Annotated[
    str, typer.Option("--override", help="Why it may happen in a freeze; goes to the audit trail.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Ask no question.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON: one object per event.")]
Status = Annotated[bool, typer.Option("--status", help="Show the deployment that is under way, or the last.")]
Pause = Annotated[bool, typer.Option("--pause", help="Let it stand still after the running step.")]
Resume = Annotated[bool, typer.Option("--resume", help="Let it go on.")]
Abort = Annotated[bool, typer.Option("--abort", help="Send it back.")]


def deploy(
    modules: Modules = None,
    version: Version = "",
    image: Image = "",
    release: ReleaseId = "",
    ref: Ref = "",
    strategy: Strategy = None,
    steps: Steps = None,
    hold: Hold = None,
    bake: Bake = None,
    plan: PlanOnly = False,
    force: Force = False,
    override: Override = "",
    yes: Yes = False,
    as_json: Json = False,
    status: Status = False,
    pause: Pause = False,
    resume: Resume = False,
    abort: Abort = False,
) -> None:
    """Let new releases in beside the present ones; without a version, what the sources hold now."""
    from nexus.cli import deploysteering
    from nexus.cli.deployfollow import Following

    wishes = {"status": status, "pause": pause, "resume": resume, "abort": abort}
    wished = [name for name, asked in wishes.items() if asked]
    if wished:
        if len(wished) > 1 or modules:
            raise place.stop(t("--{name} stands alone: no module, no other option", name=wished[0]), 2)
        raise typer.Exit(deploysteering.steer(wished[0], as_json))
    if not modules:
        raise place.stop(t("name the modules to deploy; `nexus releases` lists what there is"), 2)
    body: dict[str, Any] = {
        "who": place.user(),
        "services": modules,
        "version": version,
        "image": image,
        "release": release,
        "ref": ref,
        "strategy": strategy,
        "steps": None if steps is None else percentages(steps),
        "hold": hold,
        "bake": bake,
        "force": force,
        "override": override,
        "plan_only": plan,
    }
    client = deploysteering.running()
    if force and not yes and not plan:
        deploysteering.confirm(t("this may break modules that run; go on?"))
    raise typer.Exit(Following(client, as_json).run("/v1/deploy", body))


def percentages(text: str) -> list[int]:
    """Percentages as they are written on the command line.

    Raises:
        typer.Exit: they are none; said on stderr.
    """
    try:
        return [int(each) for each in text.split(",")]
    except ValueError:
        raise place.stop(
            t("--steps {said!r} are no percentages; write them like 5,25,100", said=text), 2
        ) from None
