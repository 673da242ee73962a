"""What a report shows, in whatever form: its facts, its proofs in order, its numbers in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from nexus.recovery.drilling.report import Finding, Report
from nexus.recovery.drilling.words import say


def mark(report: Report, language: str) -> str:
    """The one word that counts."""
    if report.ok:
        return say("PROVEN", language)
    return say("FAILED" if report.failed else "NOT PROVEN", language)


def facts(report: Report, language: str) -> Iterator[tuple[str, str]]:
    """What is known of the drill, by name."""
    zone = ZoneInfo(report.zone)
    rows = (
        ("Scenario", say(report.scenario, language)),
        ("Stack", f"{report.stack} (Nexus {report.nexus})"),
        ("Began", _at(report.began, zone)),
        ("Ended", _at(report.ended, zone)),
        ("Restored from", report.place or "-"),
        ("Backup", report.backup or "-"),
        ("Reached", report.reached or "-"),
        ("Standstill (RTO)", _measured(report.rto, report.promised_rto, language)),
        ("Data lost (RPO)", _measured(report.rpo, report.promised_rpo, language)),
    )
    for name, value in rows:
        yield say(name, language), value


def titled(report: Report) -> Iterator[tuple[str, Sequence[Finding]]]:
    """The proofs by how they ended: what is wrong first, and what was not proven never left out."""
    passed = [each for each in report.findings if each.state == "passed"]
    told = {each.name for each in report.findings}
    missing = [name for name in report.lacking if name not in told]
    unproven = list(report.unproven)
    if missing:
        text = "required, and missing: {names}"
        unproven.insert(0, Finding("required", "unproven", text, {"names": ", ".join(missing)}))
    for title, findings in (
        ("What was found to be wrong", report.failed),
        ("What was proven", passed),
        ("What was NOT proven", unproven),
    ):
        if findings:
            yield title, findings


def seconds(value: float) -> str:
    """A time for people."""
    if value >= 120:
        return f"{int(value // 60)} min {int(value % 60)} s"
    return f"{value:.1f} s"


def _measured(value: float | None, promised: float | None, language: str) -> str:
    told = say("not measured", language) if value is None else seconds(value)
    if promised is None:
        return told
    return f"{told} ({say('promised: {value}', language, value=seconds(promised))})"


def _at(at: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M:%S %z")
