"""What one drill has found so far, and who is told of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import nexus
from nexus.migrations.rehearsing.sentence import Sentence
from nexus.recovery.drilling.report import Compared, Finding, Report, new_id
from nexus.stack import Stack

Emit = Callable[[dict[str, Any]], None]


@dataclass
class Findings:
    """`emit` is told each finding and sentence as an event for whoever follows the drill."""

    scenario: str
    stack: Stack
    emit: Emit
    began: float = field(default_factory=time.time)
    all: list[Finding] = field(default_factory=list)
    totals: tuple[Compared, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    def add(self, finding: Finding) -> Finding:
        """Adds what was found."""
        self.all.append(finding)
        self.emit(
            {
                "event": "finding",
                "name": finding.name,
                "state": finding.state,
                "sentence": str(finding),
                "text": finding.text,
                "values": dict(finding.values),
                "seconds": finding.seconds,
            }
        )
        return finding

    def note(self, **facts: Any) -> None:
        """Notes what the report will say besides: its fields by name."""
        self.facts.update(facts)

    def say(self, sentence: Sentence) -> None:
        """Tells what happens."""
        values: Mapping[str, object] = getattr(sentence, "values", {})
        told = {name: str(value) for name, value in values.items()}
        text = getattr(sentence, "text", str(sentence))
        self.emit({"event": "said", "sentence": str(sentence), "text": text, "values": told})

    def report(self, required: tuple[str, ...]) -> Report:
        """All of it."""
        policy = self.stack.recovery
        return Report(
            new_id(self.scenario, self.began),
            self.scenario,
            self.stack.name,
            nexus.__version__,
            policy.schedule.zone,
            self.began,
            time.time(),
            promised_rto=policy.rto,
            promised_rpo=policy.rpo,
            required=required,
            findings=tuple(self.all),
            totals=self.totals,
            **self.facts,
        )
