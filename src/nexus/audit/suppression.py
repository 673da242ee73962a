"""Findings that the project's own comments or settings take back, always with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nexus.audit.finding import Finding, RuleFacts, Said, Severity
from nexus.audit.patterns import translate
from nexus.audit.project import ProjectFiles
from nexus.audit.settings import Settings

_COMMENT = re.compile(r"(?:#|//|--)\s*nexus:\s*ignore\s+([\w/.-]+)[ \t]*(.*?)\s*(?:\*/|-->)?$")

NO_REASON = RuleFacts(
    "suppression-without-reason",
    Severity.LOW,
    Said("A finding is ignored without a reason", "Um achado é ignorado sem motivo"),
    Said(
        "`nexus: ignore {name}` says no reason, so it is not obeyed",
        "`nexus: ignore {name}` não diz o motivo, por isso não vale",
    ),
    Said("write the reason behind the rule's id", "escreva o motivo depois do id da regra"),
)
UNKNOWN = RuleFacts(
    "suppression-of-nothing",
    Severity.LOW,
    Said("A comment ignores a rule that does not exist", "Um comentário ignora uma regra que não existe"),
    Said("no rule is named {name}", "nenhuma regra se chama {name}"),
    Said("correct the id; docs/audit.md lists them all", "corrija o id; docs/audit.md lista todos"),
)


@dataclass(frozen=True)
class Kept:
    """What is left to tell, and how many findings were taken back."""

    findings: tuple[Finding, ...]
    suppressed: int


def suppress(found: Iterable[Finding], files: ProjectFiles, settings: Settings, known: set[str]) -> Kept:
    """Take back what comments and settings ignore; add what is wrong with the comments themselves."""
    comments: dict[str, dict[int, list[tuple[str, str]]]] = {}
    kept: list[Finding] = []
    taken = 0
    for finding in found:
        if finding.file not in comments:
            comments[finding.file] = _comments(files, Path(finding.file))
        if _ignored(finding, comments[finding.file]) or _set_aside(finding, settings):
            taken += 1
        else:
            kept.append(finding)
    for file, by_line in comments.items():
        for line, entries in by_line.items():
            for name, reason in entries:
                if name not in known:
                    kept.append(Finding(UNKNOWN, UNKNOWN.severity, file, line, {"name": name}))
                elif not reason:
                    kept.append(Finding(NO_REASON, NO_REASON.severity, file, line, {"name": name}))
    return Kept(tuple(sorted(kept, key=lambda each: each.order)), taken)


def _comments(files: ProjectFiles, path: Path) -> dict[int, list[tuple[str, str]]]:
    """Return a file's ignore comments by line. One alone on its line counts for the next line of content."""
    found: dict[int, list[tuple[str, str]]] = {}
    lines = files.lines(path) if (files.root / path).is_file() else []
    waiting: list[tuple[str, str]] = []
    for number, line in enumerate(lines, 1):
        match = _COMMENT.search(line)
        alone = line.strip().startswith(("#", "//", "--"))
        if match and alone:
            waiting.append((match.group(1), match.group(2)))
        elif match:
            found.setdefault(number, []).append((match.group(1), match.group(2)))
        if line.strip() and not alone:
            if waiting:
                found.setdefault(number, []).extend(waiting)
            waiting = []
    return found


def _ignored(finding: Finding, comments: dict[int, list[tuple[str, str]]]) -> bool:
    return any(name == finding.rule.id and reason for name, reason in comments.get(finding.line, ()))


def _set_aside(finding: Finding, settings: Settings) -> bool:
    return any(
        each.rule == finding.rule.id and re.fullmatch(translate(each.path), finding.file)
        for each in settings.ignore
    )
