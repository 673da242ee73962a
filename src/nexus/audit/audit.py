"""The audit itself: all rules over one project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nexus.audit.finding import Finding, Hit, RuleFacts, Severity
from nexus.audit.linters import LINTERS, linter_findings
from nexus.audit.linters.linter import FAILED, MISSING
from nexus.audit.project import AuditError, read_project
from nexus.audit.registry import all_rules
from nexus.audit.settings import check_rules, read_settings
from nexus.audit.subject import Subject
from nexus.audit.suppression import NO_REASON, UNKNOWN, suppress
from nexus.composefile import Fault


@dataclass(frozen=True)
class Report:
    """What an audit found, worst first. `unreadable` are Compose files that could not be judged."""

    root: Path
    findings: tuple[Finding, ...]
    suppressed: int
    unreadable: tuple[Fault, ...]
    files: int

    def count(self, severity: Severity) -> int:
        return sum(finding.severity == severity for finding in self.findings)

    def reaches(self, severity: Severity) -> bool:
        """Tell whether any finding is at or above a severity."""
        return any(finding.severity >= severity for finding in self.findings)


def known_facts() -> tuple[RuleFacts, ...]:
    """Return the facts of everything an audit can tell."""
    own = [rule.facts for rule in all_rules()]
    linted = [facts for linter in LINTERS for facts in linter.facts().values()]
    return (*own, *linted, MISSING, FAILED, NO_REASON, UNKNOWN)


def audit(root: Path) -> Report:
    """Audit a project's folder. Raises AuditError when it cannot be read or holds nothing."""
    settings = read_settings(root)
    names = {facts.id for facts in known_facts()}
    check_rules(settings, names)
    files = read_project(root, settings.exclude)
    if not files.has_anything:
        raise AuditError(
            f"{root}: holds nothing to audit (no Compose file, Dockerfile, nginx configuration, Prisma schema"
            " or shell script); name the project's folder: nexus audit PATH"
        )
    subject = Subject(files)
    found = (_finding(facts, hit) for facts, hit in _hits(subject))
    kept = suppress(_once(found), files, settings, names)
    return Report(root, kept.findings, kept.suppressed, subject.unreadable, len(files.paths))


def _hits(subject: Subject) -> Iterator[tuple[RuleFacts, Hit]]:
    for rule in all_rules():
        for hit in rule.check(subject):
            yield rule.facts, hit
    for linter in LINTERS:
        yield from linter_findings(linter, subject)


def _finding(facts: RuleFacts, hit: Hit) -> Finding:
    severity = facts.severity if hit.severity is None else hit.severity
    return Finding(facts, severity, hit.file.as_posix(), hit.line, hit.values)


def _once(found: Iterable[Finding]) -> Iterator[Finding]:
    """One finding for a rule and a place, the worst: deployments share files, and anchors share lines."""
    best: dict[tuple[str, str, int, str], Finding] = {}
    for finding in found:
        about = "/".join(
            str(finding.values.get(name, "")) for name in ("name", "variable", "port", "what", "path")
        )
        key = (finding.rule.id, finding.file, finding.line, about)
        if key not in best or finding.severity > best[key].severity:
            best[key] = finding
    yield from best.values()
