"""Findings as a compiler prints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nexus.migrations.linting.finding import Finding
from nexus.migrations.linting.said import said


def text(findings: Sequence[Finding], language: str = "en") -> str:
    """`file:line: level rule: sentence`, what the living database says, and the safe SQL; then how many."""
    return "\n".join(
        [*(line for each in findings for line in _lines(each, language)), _sum(findings, language)]
    )


def _lines(finding: Finding, language: str) -> Iterator[str]:
    also = f" (squawk: {', '.join(finding.also)})" if finding.also else ""
    level = said("set aside" if finding.aside else finding.level).told(language)
    yield f"{finding.file}:{finding.line}: {level} {finding.rule}{also}: {finding.sentence}"
    if finding.living:
        yield f"    {said('living').told(language)}: {finding.living}"
    if finding.aside:
        yield f"    {said('because {reason}', reason=finding.aside).told(language)}"
    elif finding.rewrite:
        yield f"    {said('write instead:').told(language)}"
        yield from (f"      {line}".rstrip() for line in finding.rewrite.splitlines())


def _sum(findings: Sequence[Finding], language: str) -> str:
    counted = [each.level for each in findings if not each.aside]
    levels = [each for each in ("error", "warning", "note") if each in counted]
    parts = [_count(sum(1 for one in counted if one == each), each, language) for each in levels]
    aside = len(findings) - len(counted)
    told = ", ".join(parts) or said("no findings").told(language)
    return f"{told}, {said('{count} set aside', count=aside).told(language)}" if aside else told


def _count(number: int, word: str, language: str) -> str:
    return said(f"1 {word}" if number == 1 else f"{{count}} {word}s", count=number).told(language)
