"""A signed report as one page of HTML that needs nothing from elsewhere, in all languages. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from nexus.recovery.drilling.report import Report
from nexus.recovery.drilling.showing import facts, mark, titled
from nexus.recovery.drilling.signing import ALGORITHM, Signed
from nexus.recovery.drilling.words import LANGUAGES, say

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
body { color: #1b1f24; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
.mark { padding: .1em .5em; border-radius: .3em; color: #fff; }
.ok { background: #14683b; } .bad { background: #a4161a; } .open { background: #7a5200; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; } dt { color: #57606a; }
dd { margin: 0; overflow-wrap: anywhere; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #d0d7de; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
tr.bad { background: #fde8e8; color: #1b1f24; }
code, pre { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
footer { margin-top: 2rem; color: #57606a; font-size: .85rem; overflow-wrap: anywhere; }
section + section { border-top: 3px solid #d0d7de; margin-top: 3rem; }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3; }
dt, footer { color: #9da7b3; } th, td { border-color: #30363d; } }
"""


def page(signed: Signed) -> str:
    """The page."""
    title = escape(f"{signed.report.stack}: {say('Recovery drill', 'en')} {signed.report.id}")
    body = "\n".join("\n".join(_section(signed, language)) for language in LANGUAGES)
    return (
        f'<!doctype html>\n<html lang="pt-BR"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body>\n{body}\n{signed.carried}\n</body></html>\n"
    )


def _section(signed: Signed, language: str) -> Iterator[str]:
    report = signed.report
    kind = "ok" if report.ok else "bad" if report.failed else "open"
    yield f'<section lang="{language}">'
    word = f'<span class="mark {kind}">{escape(mark(report, language))}</span>'
    yield f"<h1>{escape(say('Recovery drill', language))} {word}</h1>"
    yield "<dl>"
    for name, value in facts(report, language):
        yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"
    for title, findings in titled(report):
        yield f"<h2>{escape(say(title, language))}</h2><ul>"
        for each in findings:
            took = f" ({each.seconds:.1f} s)" if each.seconds else ""
            told = escape(say(each.text, language, **each.values))
            yield f"<li><code>{escape(each.name)}</code> {told}{took}</li>"
        yield "</ul>"
    yield from _totals(report, language)
    if report.commands:
        text = say("The commands, as the runbook {runbook} tells them", language, runbook=report.runbook)
        yield f"<h2>{escape(text)}</h2><pre>{escape(chr(10).join(report.commands))}</pre>"
    text = say("Signed with {algorithm} by the key {key}", language, algorithm=ALGORITHM, key=signed.key)
    yield f"<footer>{escape(report.id)}. {escape(text)}. "
    yield f"{escape(say('`nexus drill verify FILE` checks it.', language))}</footer></section>"


def _totals(report: Report, language: str) -> Iterator[str]:
    if not report.totals:
        return
    yield f"<h2>{escape(say('The numbers of the business at {lsn}', language, lsn=report.totals_lsn))}</h2>"
    names = "".join(f"<th>{escape(say(name, language))}</th>" for name in ("number", "recorded", "found"))
    yield f"<table><thead><tr>{names}<th></th></tr></thead><tbody>"
    for each in report.totals:
        of = f" {each.of}" if each.of else ""
        numbers = "".join(
            f'<td class="n">{escape(value or "-")}</td>' for value in (each.recorded, each.found)
        )
        same = escape(say("same" if each.same else "DIFFERENT", language))
        row = "" if each.same else ' class="bad"'
        yield f"<tr{row}><td>{escape(f'{each.title}{of} ({each.unit})')}</td>{numbers}<td>{same}</td></tr>"
    yield "</tbody></table>"
