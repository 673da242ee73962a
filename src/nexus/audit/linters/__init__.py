"""Linters that others wrote, run on this project's files; only those of their rules that tell of real harm."""

from nexus.audit.linters.hadolint import HADOLINT
from nexus.audit.linters.linter import Linter, linter_findings
from nexus.audit.linters.shellcheck import SHELLCHECK

LINTERS = (HADOLINT, SHELLCHECK)

__all__ = ["HADOLINT", "LINTERS", "SHELLCHECK", "Linter", "linter_findings"]
