"""Which part of what is pending a plan is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nexus.migrations.errors import PlanRefused
from nexus.migrations.history.state import History
from nexus.migrations.planning.edges import did_you_mean


def chosen(histories: Mapping[str, History], to: Mapping[str, str]) -> dict[str, History]:
    """The histories with no more pending than asked for. `to`: module → the last migration of it.

    Raises:
        PlanRefused: `to` names what is not there.
    """
    for module in set(to) - set(histories):
        near = did_you_mean(module, histories)
        raise PlanRefused(f"there is no module {module!r} with migrations{near}; correct its name")
    return {
        module: _upto(history, to[module]) if module in to else history
        for module, history in histories.items()
    }


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
