"""What a drill found: each proof with how it ended, what was measured, and what was not proven."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from nexus.migrations.rehearsing.sentence import Sentence
from nexus.recovery.errors import Damaged, WrongVersion

FORMAT = 1
State = Literal["passed", "failed", "unproven"]
NIGHTLY = "nightly"


@dataclass(frozen=True)
class Finding:
    """One proof. `name` never changes; `text` with `values` in its braces says what was found, or why it
    could not be proven; `seconds`: how long it took.
    """

    name: str
    state: State
    text: str
    values: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def __str__(self) -> str:
        return self.text.format(**self.values)


@dataclass(frozen=True)
class Compared:
    """One number of the business: as the backup recorded it, and as it was found after the restore, as
    decimal text. None: one of them does not have it.
    """

    name: str
    title: str
    unit: str
    of: str
    recorded: str | None
    found: str | None

    @property
    def same(self) -> bool:
        """Whether both have it, and it is the same."""
        return self.recorded == self.found


@dataclass(frozen=True)
class Report:
    """A drill. Times in seconds since the epoch.

    `place`: what was restored from; `reached`: up to where, in words; `rto`: seconds from the order to
    restore until all modules were ready; `rpo`: seconds of data that the disaster would have cost, or did
    cost; None: not measured. `promised_*`: as `nexus.yaml` says. `required`: the proofs without which
    nothing is proven. `commands`: what was typed, as the runbook tells it.
    """

    id: str
    scenario: str
    stack: str
    nexus: str
    zone: str
    began: float
    ended: float
    place: str = ""
    backup: str = ""
    reached: str = ""
    lsn: str = ""
    rto: float | None = None
    rpo: float | None = None
    promised_rto: float | None = None
    promised_rpo: float | None = None
    required: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    totals: tuple[Compared, ...] = ()
    totals_lsn: str = ""
    commands: tuple[str, ...] = ()
    runbook: str = ""
    format: int = FORMAT

    @property
    def lacking(self) -> tuple[str, ...]:
        """The required proofs that are not there: nothing is taken for proven because it was left out."""
        proven = {each.name for each in self.findings if each.state == "passed"}
        return tuple(name for name in self.required if name not in proven)

    @property
    def failed(self) -> tuple[Finding, ...]:
        """What was found to be wrong."""
        return tuple(each for each in self.findings if each.state == "failed")

    @property
    def unproven(self) -> tuple[Finding, ...]:
        """What this drill says nothing of."""
        return tuple(each for each in self.findings if each.state == "unproven")

    @property
    def ok(self) -> bool:
        """Whether all that must be proven was."""
        return not self.failed and not self.lacking and bool(self.required)

    @property
    def sentence(self) -> Sentence:
        """How it ended, in one sentence."""
        if self.failed:
            first = self.failed[0]
            return Sentence("{what}: {why}", what=first.name, why=str(first))
        if not self.ok:
            return Sentence("not proven: {what}", what=", ".join(self.lacking) or "anything")
        return Sentence("proven: {count} of {count}", count=len(self.required))

    def as_dict(self) -> dict[str, Any]:
        """As it is signed."""
        return {**asdict(self), "ok": self.ok, "sentence": str(self.sentence)}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Report:
        """Reads what `as_dict` made.

        Raises:
            WrongVersion: a later Nexus wrote it.
            Damaged: it is no report.
        """
        if told.get("format") != FORMAT:
            raise WrongVersion(f"the report has format {told.get('format')}, this Nexus reads {FORMAT}")
        try:
            plain = {name: value for name, value in told.items() if name not in ("ok", "sentence")}
            lists = {name: tuple(plain[name]) for name in ("required", "commands")}
            findings = tuple(Finding(**each) for each in plain["findings"])
            totals = tuple(Compared(**each) for each in plain["totals"])
            return cls(**{**plain, **lists, "findings": findings, "totals": totals})
        except (KeyError, TypeError) as error:
            raise Damaged(f"the report cannot be read ({error})") from error


def new_id(scenario: str, at: float) -> str:
    """The name of a report; names sort by time. `at` in seconds since the epoch."""
    return f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}-{scenario}"


def canonical(told: Mapping[str, Any]) -> bytes:
    """The one way to write a report down that is signed: sorted names, no spaces, UTF-8 (as RFC 8785)."""
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
