"""Which part of what is pending a plan is about."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from nexus.migrations.errors import PlanRefused
from nexus.migrations.history.state import History
from nexus.migrations.planning.edges import did_you_mean, edges


def chosen(
    histories: Mapping[str, History], to: Mapping[str, str], only: Collection[str]
) -> dict[str, History]:
    """The histories with no more pending than asked for.

    `to`: module → the last migration of it. `only`: these modules, and what theirs depend on in others.

    Raises:
        PlanRefused: `to` or `only` names what is not there.
    """
    for module in {*to, *only} - set(histories):
        near = did_you_mean(module, histories)
        raise PlanRefused(f"there is no module {module!r} with migrations{near}; correct its name")
    cut = {
        module: _upto(history, to[module]) if module in to else history
        for module, history in histories.items()
    }
    return _needed(cut, only) if only else cut


def _upto(history: History, name: str) -> History:
    names = [each.name for each in history.pending]
    if name in names:
        return replace(history, pending=history.pending[: names.index(name) + 1])
    if name in history.applied:
        return replace(history, pending=())
    known = [each.name for each in history.migrations]
    near = did_you_mean(name, known)
    raise PlanRefused(
        f"{history.source.module} has no migration {name!r} in {history.source.folder}{near}; "
        f"correct --to {history.source.module}={name}"
    )


def _needed(histories: Mapping[str, History], only: Collection[str]) -> dict[str, History]:
    """Other modules go as far as what they are needed for, and no further."""
    upto = {module: len(history.pending) if module in only else 0 for module, history in histories.items()}
    place = {
        f"{module}/{each.name}": (module, number)
        for module, history in histories.items()
        for number, each in enumerate(history.pending)
    }
    needs = [each for each in edges(histories) if each.force in ("declared", "needed")]
    grows = True
    while grows:
        grows = False
        for each in needs:
            (before, at), (after, number) = place[each.before], place[each.after]
            if number < upto[after] and at >= upto[before]:
                upto[before], grows = at + 1, True
    return {
        module: replace(history, pending=history.pending[: upto[module]])
        for module, history in histories.items()
    }
