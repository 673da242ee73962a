"""What the stream's process is told: one line of JSON, and another one whenever something changed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from nexus.stack.recovering import RecoveryPolicy


@dataclass(frozen=True)
class Told:
    """`root`: the stack's folder, which relative paths of places begin at. `url`: the file that holds the
    superuser's address of the server.
    """

    root: Path
    url: Path
    policy: RecoveryPolicy = field(default_factory=lambda: RecoveryPolicy(places={}))

    def to_line(self) -> str:
        """One line of JSON, without the line's end."""
        policy = self.policy.model_dump(mode="json")
        return json.dumps({"root": str(self.root), "url": str(self.url), "policy": policy})

    @classmethod
    def from_line(cls, line: str) -> Told:
        """What `to_line` wrote. Raises ValueError, KeyError."""
        told = json.loads(line)
        return cls(Path(told["root"]), Path(told["url"]), RecoveryPolicy.model_validate(told["policy"]))
