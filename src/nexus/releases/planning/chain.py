"""Steps that wait for each other, one after the other."""

from __future__ import annotations

from nexus.plans import Step


class Chain:
    """Collects steps. Each waits for the one before it; the first for `after`."""

    def __init__(self, after: tuple[str, ...] = ()) -> None:
        self._after = after
        self.steps: list[Step] = []

    def add(
        self,
        action: str,
        target: str,
        cause: str,
        does: str,
        undo: str = "",
        id: str = "",
        **arguments: str,
    ) -> None:
        """Add a step; its id is `action target` unless another one is given."""
        name = id or f"{action} {target}"
        self.steps.append(Step(name, action, target, cause, does, undo, self._after, arguments))
        self._after = (name,)

    @property
    def end(self) -> tuple[str, ...]:
        """What a step must wait for that comes after all of them."""
        return self._after
