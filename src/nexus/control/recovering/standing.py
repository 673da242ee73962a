"""How a stack's recovery stands: two numbers, whether they are what was promised, and what is wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from nexus.control.recovering.alarms import Alarm, alarms
from nexus.control.recovering.amounts import roughly
from nexus.control.recovering.costs import loss_database, loss_machine, loss_of, standstill
from nexus.control.recovering.facts import RecoveryFacts
from nexus.control.recovering.runs import Run
from nexus.migrations.rehearsing.sentence import Sentence


@dataclass(frozen=True)
class Standing:
    """`database`, `machine`: seconds of data that losing the database, or this machine, would cost (None:
    everything); `rto`: for how many seconds all would stand still (None: for ever); `alarms`: what is wrong.
    """

    facts: RecoveryFacts
    database: float | None
    machine: float | None
    rto: float | None
    alarms: tuple[Alarm, ...]

    @property
    def rpo_met(self) -> bool:
        """Whether no disaster costs more data than was promised, not even that of the machine."""
        return all(
            loss is not None and loss <= self.facts.policy.rpo for loss in (self.database, self.machine)
        )

    @property
    def rto_met(self) -> bool:
        """Whether no disaster stops the business for longer than was promised."""
        return self.rto is not None and self.rto <= self.facts.policy.rto

    @property
    def ok(self) -> bool:
        """Whether all that was promised holds."""
        return self.rpo_met and self.rto_met and not any(each.level == "error" for each in self.alarms)

    @property
    def verdict(self) -> Sentence:
        """What a disaster would cost now."""
        if not self.facts.backups:
            return Sentence("a disaster now would cost everything: there is no backup yet")
        if self.database is None or self.rto is None:
            text = "a disaster now would cost everything: no backup is whole, in reach and of a known age"
            return Sentence(text)
        about, known = roughly(self.rto), self.facts.measured is not None
        if self.machine is None:
            text = (
                "losing the database now would cost {loss} of data and about {rto}; losing this machine "
                "would cost everything"
            )
            return Sentence(text, loss=roughly(self.database), rto=about)
        text = "a disaster now would cost {loss} of data and about {rto}"
        if not known:
            text = f"{text} (estimated: no restore was measured yet)"
        return Sentence(text, loss=roughly(max(self.database, self.machine)), rto=about)

    def as_dict(self) -> dict[str, Any]:
        """The stable form that `nexus recovery status --json` prints."""
        verdict = self.verdict
        facts, newest = self.facts, self.facts.backups[-1] if self.facts.backups else None
        return {
            "ok": self.ok,
            "verdict": str(verdict),
            "text": verdict.text,
            "values": verdict.values,
            "at": facts.now,
            "rpo": {
                "objective": facts.policy.rpo,
                "met": self.rpo_met,
                "database_lost": self.database,
                "machine_lost": self.machine,
            },
            "rto": {
                "objective": facts.policy.rto,
                "met": self.rto_met,
                "seconds": self.rto,
                "measured_at": facts.measured,
            },
            "last_backup": None
            if newest is None
            else {"id": newest.id, "kind": newest.kind, "ended": newest.ended, "bytes": newest.size},
            "backups": len(facts.backups),
            "unreadable": dict(facts.unreadable),
            "last_verified": _run(facts.last("verify", ok=True)),
            "last_proven": _run(facts.last("restore", "drill", ok=True)),
            "stream": None if facts.stream is None else asdict(facts.stream),
            "places": [{**asdict(place), "rpo": loss_of(place, facts)} for place in facts.places],
            "space": {
                "free": facts.disk_free,
                "reserve": facts.policy.reserve,
                "growth_per_day": facts.growth,
                "runs_out_in": runs_out_in(facts),
            },
            "kit_made_at": facts.kit,
            "alarms": [each.as_dict() for each in self.alarms],
        }


def judge(facts: RecoveryFacts) -> Standing:
    """How it stands. Pure."""
    database, machine, rto = loss_database(facts), loss_machine(facts), standstill(facts)
    return Standing(facts, database, machine, rto, alarms(facts, database, machine, rto))


def runs_out_in(facts: RecoveryFacts) -> float | None:
    """Seconds until backups have used up the disk, as they grow now; None: not to be seen. Pure."""
    if facts.disk_free is None or not facts.growth or facts.growth <= 0:
        return None
    return max(0.0, facts.disk_free - facts.policy.reserve) / facts.growth * 86_400.0


def _run(run: Run | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {"what": run.what, "backup": run.backup, "ended": run.ended, "seconds": run.seconds}
