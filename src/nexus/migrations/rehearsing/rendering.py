"""A report as people read it: as text, and as Markdown. `t` puts a text into the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from nexus.migrations.rehearsing.report import Report


class Translate(Protocol):
    """What puts a text into the reader's language and fills its values in."""

    def __call__(self, text: str, **values: object) -> str: ...


def plain(text: str, **values: object) -> str:
    """English."""
    return text.format(**values) if values else text


def as_text(report: Report, t: Translate = plain) -> str:
    """The report in lines of text."""
    return "\n".join(_lines(report, t))


def as_markdown(report: Report, t: Translate = plain) -> str:
    """The report as a Markdown document."""
    lines = [f"# {t('Rehearsal {id}', id=report.id)}", "", report.sentence, ""]
    lines += [f"* **{t('failed')}**: {_cell(each)}" for each in report.failures]
    names = ("statement", "seconds", "attempts", "writes", "worst wait (ms)", "p99 (ms)", "failed writes")
    lines += ["", _row(*(t(name) for name in names)), _row(*("---",) * len(names))]
    for each in report.statements:
        wait = f"{each.worst * 1000:.0f}", f"{each.p99 * 1000:.0f}"
        told = f"`{each.place}` {each.head}"
        lines.append(_row(told, f"{each.seconds:.2f}", each.attempts, each.writes, *wait, each.failed))
    lines += ["", f"## {t('Copy, load and checks')}", ""]
    lines += [f"* {line.strip()}" for line in _circumstances(report, t)]
    lines += [f"* {line.strip()}" for line in _checks(report, t)]
    return "\n".join([*lines, ""])


def _lines(report: Report, t: Translate) -> Iterator[str]:
    yield report.sentence
    for failure in report.failures:
        yield "  " + t("failed: {what}", what=failure)
    yield from _circumstances(report, t)
    for each in report.statements:
        waited = t("longest wait of a write {ms} ms", ms=round(each.worst * 1000))
        again = t(", begun {n} times", n=each.attempts) if each.attempts > 1 else ""
        lost = t(", {n} writes failed: {why}", n=each.failed, why=each.why) if each.failed else ""
        yield f"  {each.place}  {each.seconds:.2f} s, {waited}{again}{lost}  {each.head}"
    yield from _checks(report, t)


def _circumstances(report: Report, t: Translate) -> Iterator[str]:
    copy, load = report.copy, report.load
    yield "  " + t(
        "copy: {way}, {mb} MB in {seconds} s",
        way=copy.way,
        mb=round(copy.bytes / 1e6),
        seconds=f"{copy.seconds:.1f}",
    )
    yield "  " + t(
        "load: {rate} writes a second on {tables} tables ({source}); {writes} written, {failed} failed",
        rate=f"{load.rate:.0f}",
        tables=len(load.tables),
        source=load.source,
        writes=load.writes,
        failed=load.failed,
    )
    for note in (*copy.notes, *load.notes, *report.notes):
        yield "  " + t("note: {what}", what=note)


def _checks(report: Report, t: Translate) -> Iterator[str]:
    held = sum(1 for each in report.invariants if not each.broken)
    if report.invariants:
        yield "  " + t("invariants: {held} of {all} as before", held=held, all=len(report.invariants))
    for each in report.smoke:
        name = f"{each.module} {each.version or each.release}"
        if not each.release:
            yield (
                "  "
                + {
                    "passed": t("{what}: works on the new schema", what=each.title),
                    "failed": t("{what}: failed: {why}", what=each.title, why=each.sentence),
                    "skipped": t("{what}: not smoke-tested: {why}", what=each.title, why=each.sentence),
                }[each.state]
            )
            continue
        yield (
            "  "
            + {
                "passed": t(
                    "release {name}: works on the new schema, requests answered: {n}",
                    name=name,
                    n=each.requests,
                )
                if each.requests
                else t(
                    "release {name}: is ready on the new schema, nothing more was tried: {why}",
                    name=name,
                    why=each.sentence,
                ),
                "failed": t("release {name}: failed: {why}", name=name, why=each.sentence),
                "skipped": t("release {name}: not smoke-tested: {why}", name=name, why=each.sentence),
            }[each.state]
        )


def _row(*cells: object) -> str:
    return "| " + " | ".join(_cell(str(cell)) for cell in cells) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
