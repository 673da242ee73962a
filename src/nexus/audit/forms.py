"""A report as data for other programs: our stable JSON, and SARIF 2.1.0 for code hosts."""

from __future__ import annotations

from typing import Any

from nexus import __version__
from nexus.audit.audit import Report
from nexus.audit.finding import Finding, Severity

_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning"}


def as_json(report: Report, language: str) -> dict[str, Any]:
    """Return the stable JSON form; fields are only ever added."""
    return {
        "ok": not report.findings and not report.unreadable,
        "files": report.files,
        "counts": {each.word: report.count(each) for each in reversed(Severity)},
        "suppressed": report.suppressed,
        "findings": [
            {
                "rule": each.rule.id,
                "severity": each.severity.word,
                "file": each.file,
                "line": each.line,
                "title": each.title(language),
                "why": each.why(language),
                "mend": each.mend(language),
            }
            for each in report.findings
        ],
        "unreadable": [
            {"file": str(each.at.file), "line": each.at.line, "what": each.what, "mend": each.mend}
            for each in report.unreadable
        ],
    }


def as_sarif(report: Report, language: str) -> dict[str, Any]:
    """Return a SARIF log with one run."""
    rules = {each.rule.id: each for each in report.findings}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "nexus audit",
                        "version": __version__,
                        "rules": [
                            {"id": name, "shortDescription": {"text": each.title(language)}}
                            for name, each in rules.items()
                        ],
                    }
                },
                "results": [_result(each, language) for each in report.findings],
            }
        ],
    }


def _result(finding: Finding, language: str) -> dict[str, Any]:
    return {
        "ruleId": finding.rule.id,
        "level": _LEVELS.get(finding.severity, "note"),
        "message": {"text": f"{finding.why(language)}. {finding.mend(language)}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": finding.file},
                    "region": {"startLine": max(finding.line, 1)},
                }
            }
        ],
    }
