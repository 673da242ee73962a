"""A signed report as Markdown. Pure: the same report gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nexus.recovery.drilling.report import Finding, Report
from nexus.recovery.drilling.showing import facts, mark, titled
from nexus.recovery.drilling.signing import ALGORITHM, Signed
from nexus.recovery.drilling.words import say


def markdown(signed: Signed, language: str) -> str:
    """The report in a language of `words.LANGUAGES`."""
    report = signed.report
    lines = [f"# {say('Recovery drill', language)}: {mark(report, language)}", ""]
    lines += [_sentence(report, language), ""]
    lines += [f"- **{name}**: {_safe(value)}" for name, value in facts(report, language)]
    for title, findings in titled(report):
        lines += ["", f"## {say(title, language)}", "", *_findings(findings, language)]
    lines += _totals(report, language)
    if report.commands:
        text = "The commands, as the runbook {runbook} tells them"
        lines += ["", f"## {say(text, language, runbook=report.runbook)}", ""]
        lines += ["```sh", *report.commands, "```"]
    lines += [
        "",
        say("Signed with {algorithm} by the key {key}", language, algorithm=ALGORITHM, key=signed.key),
    ]
    lines += [say("`nexus drill verify FILE` checks it.", language), "", signed.carried]
    return "\n".join(lines) + "\n"


def _sentence(report: Report, language: str) -> str:
    sentence = report.sentence
    if report.failed:
        return _safe(say(report.failed[0].text, language, **report.failed[0].values))
    return _safe(say(sentence.text, language, **sentence.values))


def _findings(findings: Sequence[Finding], language: str) -> Iterator[str]:
    for each in findings:
        took = f" ({each.seconds:.1f} s)" if each.seconds else ""
        yield f"- `{each.name}`: {_safe(say(each.text, language, **each.values))}{took}"


def _totals(report: Report, language: str) -> Iterator[str]:
    if not report.totals:
        return
    title = say("The numbers of the business at {lsn}", language, lsn=report.totals_lsn)
    names = [say(name, language) for name in ("number", "recorded", "found")]
    yield from ("", f"## {title}", "", f"| {' | '.join(names)} | |", "|---|---:|---:|---|")
    for each in report.totals:
        of = f" {each.of}" if each.of else ""
        same = say("same" if each.same else "DIFFERENT", language)
        cells = (f"{each.title}{of} ({each.unit})", each.recorded or "-", each.found or "-", same)
        yield f"| {' | '.join(_safe(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _safe(text: str) -> str:
    """Text that can neither end a line nor begin HTML."""
    return " ".join(text.split()).replace("<", "&lt;")
