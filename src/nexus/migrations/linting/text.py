"""Findings as a compiler prints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nexus.migrations.linting.finding import Finding


def text(findings: Sequence[Finding]) -> str:
    """`file:line: level rule: sentence`, what the living database says, and the safe SQL; then how many."""
    return "\n".join([*(line for each in findings for line in _lines(each)), _sum(findings)])


def _lines(finding: Finding) -> Iterator[str]:
    also = f" (squawk: {', '.join(finding.also)})" if finding.also else ""
    level = "set aside" if finding.aside else finding.level
    yield f"{finding.file}:{finding.line}: {level} {finding.rule}{also}: {finding.sentence}"
    if finding.living:
        yield f"    living: {finding.living}"
    if finding.aside:
        yield f"    because {finding.aside}"
    elif finding.rewrite:
        yield "    write instead:"
        yield from (f"      {line}".rstrip() for line in finding.rewrite.splitlines())


def _sum(findings: Sequence[Finding]) -> str:
    counted = [each.level for each in findings if not each.aside]
    levels = [each for each in ("error", "warning", "note") if each in counted]
    parts = [_count(sum(1 for one in counted if one == each), each) for each in levels]
    aside = len(findings) - len(counted)
    told = ", ".join(parts) or "no findings"
    return f"{told}, {aside} set aside" if aside else told


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
