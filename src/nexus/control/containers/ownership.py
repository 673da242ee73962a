"""Two stacks of one name on one engine would take each other's containers and data for their own."""

from __future__ import annotations

from nexus.control.addresses import Refused
from nexus.render.containers.files import container_specs
from nexus.runtimes.containers.container import Container
from nexus.runtimes.containers.engine import Engine
from nexus.runtimes.site import Site


async def check_ownership(engine: Engine, site: Site, project: str, seen: tuple[Container, ...]) -> None:
    """Whether what is on the engine under the name `project` is this home's.

    Raises:
        Refused: containers were started from another folder, or data lie there whose secrets are not here.
    """
    ours = {str(site.home.root), str(site.stack.root / "deploy")}
    others = sorted({each.owner for each in seen if each.owner and each.owner not in ours})
    if others:
        raise Refused(
            f"on this engine, {project!r} belongs to {others[0]}; take that down, or set NEXUS_HOME to "
            "another folder"
        )
    names = (await engine.command("volume", "ls", "--format", "{{.Name}}")).split()
    for spec in container_specs(site.stack, {}):
        files = [site.home.secrets / source for source in spec.secrets.values()]
        if not spec.pinned or any(path.exists() for path in files):
            continue
        for volume in (f"{project}_{name}" for name in spec.volumes.values()):
            if volume in names:
                raise Refused(
                    f"the volume {volume} holds data whose secrets are not in {site.home.secrets}; bring "
                    "those back, set NEXUS_HOME to another folder, or remove the data: docker volume rm "
                    f"{volume}"
                )
