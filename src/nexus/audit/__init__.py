"""Reads a project that runs on Docker Compose and tells what will hurt in production.

report = audit(Path("shop"))
report.findings[0].why("pt-BR")
"""

from nexus.audit.audit import Report, audit, known_facts
from nexus.audit.finding import Finding, Severity
from nexus.audit.forms import as_json, as_sarif
from nexus.audit.project import AuditError

__all__ = ["AuditError", "Finding", "Report", "Severity", "as_json", "as_sarif", "audit", "known_facts"]
