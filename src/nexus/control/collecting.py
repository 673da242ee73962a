"""The collector of a stack's telemetry, a companion of the control loop."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from typing import ClassVar

from nexus.control.companion import Companion
from nexus.runtimes.home import Home
from nexus.telemetry.targets import Targets


class Collecting(Companion):
    """Keeps one collector alive. `targets` says what there is, None while no stack is known; `arguments` are
    those of its command line beside the home.
    """

    name = "collector"
    module = "nexus.control.collector"
    # Memory goes back to the system: few arenas for its few threads, and Arrow's allocations from them too.
    environment: ClassVar[Mapping[str, str]] = {
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_TRIM_THRESHOLD_": "131072",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }
    longest_pause = 30.0
    last_words = 8.0  # seconds to write down what is still to be read

    def __init__(
        self, home: Home, targets: Callable[[], Targets | None], arguments: Callable[[], tuple[str, ...]]
    ) -> None:
        super().__init__(home)
        self._targets = targets
        self._arguments = arguments

    def line(self) -> str | None:
        targets = self._targets()
        return None if targets is None else targets.to_line()

    def arguments(self) -> tuple[str, ...]:
        return self._arguments()

    def forget(self) -> None:
        """Removes everything it kept."""
        shutil.rmtree(self._home.telemetry, ignore_errors=True)
