"""What `nexus migrate drift` finds, and how it tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import typer

from nexus.cli.language import t

if TYPE_CHECKING:
    from nexus.control.migrating.desk import Desk
    from nexus.migrations.history.state import Problem
    from nexus.migrations.shape import Difference

UNFINISHED = ("failed", "interrupted")  # kinds of problems


@dataclass(frozen=True)
class Seen:
    """By module: what tells its schema from its migrations; why that cannot be said; which of its migrations
    were begun and not ended, whose half is part of what differs.
    """

    differences: Mapping[str, Sequence[Difference]]
    unknown: Mapping[str, str]
    unfinished: Mapping[str, Sequence[Problem]]

    @property
    def ok(self) -> bool:
        """Whether all of them are known to be as their migrations say."""
        return not (any(self.differences.values()) or self.unknown or any(self.unfinished.values()))

    def as_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "ok": self.ok,
            "modules": {name: [d.as_dict() for d in each] for name, each in self.differences.items()},
            "unknown": dict(self.unknown),
            "unfinished": {name: [asdict(p) for p in each] for name, each in self.unfinished.items() if each},
        }


async def seen(desk: Desk, only: Sequence[str]) -> Seen:
    """What drift there is. `only`: of these modules (none: of all).

    Raises:
        Unanswered: the database cannot be asked.
        MigrationError: of none of them can it be said.
    """
    from nexus.migrations import shape

    histories = (await desk.readable()).histories
    found = await shape.drift(desk.admin_url, desk.sources, only)
    modules = only or [each.module for each in desk.sources]
    unfinished = {
        name: [each for each in histories[name].problems if each.kind in UNFINISHED]
        for name in modules
        if name in histories
    }
    told = {name: found[name] for name in modules if name in found}
    return Seen(told, found.unknown, unfinished)


def show(found: Seen) -> None:
    """Module by module. What was begun and not ended comes first: its half is to be completed or resolved,
    and no statement is printed that would take it away.
    """
    for module, differences in found.differences.items():
        problems = found.unfinished.get(module, ())
        for each in problems:
            typer.echo(typer.style("! ", fg="red") + each.sentence.splitlines()[0])
            typer.echo("    " + t("what it did so far differs, too; first: {mend}", mend=each.mend))
        if differences:
            _differences(module, differences, sql=not problems)
    for module, reason in found.unknown.items():
        typer.echo(t("{module}: cannot be compared: {reason}", module=module, reason=reason))
    clean = [name for name, each in found.differences.items() if not each and not found.unfinished.get(name)]
    if clean:
        typer.echo(t("{modules}: as the migrations say", modules=", ".join(clean)))


def _differences(module: str, differences: Sequence[Difference], *, sql: bool) -> None:
    from nexus.migrations.shape import in_order

    if len(differences) == 1:
        headline = t("{module}: 1 difference", module=module)
    else:
        headline = t("{module}: {count} differences", module=module, count=len(differences))
    typer.echo(typer.style(headline, bold=True))
    for each in differences:
        typer.echo(f"  {each.sentence}")
    if not sql:
        return
    steps = in_order(differences)
    if steps:
        typer.echo("  " + t("this brings it back to what the migrations say:"))
    for step in steps:
        if step.destroys:
            typer.echo("    " + typer.style(t("-- loses: {what}", what=step.destroys), fg="red"))
        typer.echo("    " + step.sql.replace("\n", "\n    "))
